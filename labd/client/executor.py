"""``concurrent.futures`` over labd: ``executor.map(f, xs)`` fans out, and its results are durable."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from labd.client.client import Client
from labd.client.maps import Map
from labd.client.results import CallFailed
from labd.errors import LabdError, UsageError

T = TypeVar("T")

GATHER = 0.005
"""Seconds in which calls that are submitted one by one become one map."""


class _Item(NamedTuple):
    future: futures.Future[Any]
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Executor(futures.Executor):
    """An executor whose calls are made by labd. *options* are those of :meth:`Client.map`.

    Calls that are submitted one by one are gathered for some milliseconds, so that many cost little. A call
    that cannot be sent, or fails, says so in its own future.
    """

    def __init__(self, client: Client | None = None, **options: Any) -> None:
        self._client, self._own = client or Client(), client is None
        self._options = options
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._followers: list[threading.Thread] = []
        self._maps: list[Map] = []
        self._down = False
        self._gatherer = threading.Thread(target=self._gather, name="labd executor", daemon=True)
        self._gatherer.start()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> futures.Future[T]:
        """Make one call soon."""
        if self._down:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: futures.Future[T] = futures.Future()
        self._queue.put(_Item(future, fn, args, kwargs))
        return future

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
    ) -> Iterator[T]:
        """As the built-in ``map``, all at once as one map of labd; chunks are sized by labd.

        Raises TimeoutError from the iterator *timeout* seconds from now.
        """
        if self._down:
            raise RuntimeError("cannot schedule new futures after shutdown")
        made = self._client.map(fn, *iterables, progress=False, **self._options)
        self._maps.append(made)
        return iter(made) if timeout is None else _within(made, time.monotonic() + timeout)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; *wait* until all are made, or end them with *cancel_futures*."""
        if not self._down:
            self._down = True
            self._queue.put(None)
        self._gatherer.join()
        if cancel_futures:
            for made in self._maps:
                _cancel(made)
        if wait:
            for follower in self._followers:
                follower.join()
            if self._own:
                self._client.close()

    # -- in threads ------------------------------------------------------------------------------

    def _gather(self) -> None:
        while (first := self._queue.get()) is not None:
            time.sleep(GATHER)
            items: list[_Item | None] = [first]
            while not self._queue.empty():
                items.append(self._queue.get())
            for group in _grouped([item for item in items if item is not None]):
                self._send(group)
            if None in items:
                return

    def _send(self, group: list[_Item]) -> None:
        items = [item for item in group if item.future.set_running_or_notify_cancel() and _sound(item)]
        if not items:
            return
        columns = zip(*(item.args for item in items), strict=True) if items[0].args else ()
        try:
            if items[0].args:
                made = self._client.map(
                    items[0].function, *map(list, columns), kwargs=items[0].kwargs, progress=False,
                    **self._options,
                )  # fmt: skip
            else:
                made = self._client.submit(items[0].function, **items[0].kwargs)
        except LabdError as error:
            for item in items:
                item.future.set_exception(error)
            return
        self._maps.append(made)
        follower = threading.Thread(target=_follow, args=(made, items), name=f"map {made.id}", daemon=True)
        self._followers.append(follower)
        follower.start()


def _sound(item: _Item) -> bool:
    """Whether the arguments of a call can travel; else its future says so."""
    try:
        json.dumps([item.args, item.kwargs], allow_nan=False)
    except (TypeError, ValueError) as error:
        item.future.set_exception(UsageError(f"the arguments are not JSON: {error}"))
        return False
    return True


def _grouped(items: list[_Item]) -> list[list[_Item]]:
    """Calls that make one map: of one function, with as many arguments and the same keywords.

    Calls without arguments stay alone.
    """
    groups: dict[object, list[_Item]] = {}
    for number, item in enumerate(items):
        alone = number if not item.args else -1
        groups.setdefault((item.function, len(item.args), repr(item.kwargs), alone), []).append(item)
    return [*groups.values()]


def _follow(made: Map, items: list[_Item]) -> None:
    """Hand the results of *made* to the futures."""
    left = dict(enumerate(items))
    try:
        for result in made.as_completed():
            future = left.pop(result.index).future
            if result.error is None:
                future.set_result(result.result)
            else:
                future.set_exception(CallFailed(result.index, result.error))
    except Exception as error:
        for item in left.values():
            item.future.set_exception(error)


def _within(made: Map, deadline: float) -> Iterator[Any]:
    found: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

    def read() -> None:
        try:
            for value in made:
                found.put((True, value))
            found.put((False, None))
        except Exception as error:
            found.put((False, error))

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            good, value = found.get(timeout=max(0.0, deadline - time.monotonic()))
        except Exception:
            _cancel(made)
            raise TimeoutError from None
        if good:
            yield value
        elif value is None:
            return
        else:
            raise value


def _cancel(made: Map) -> None:
    try:
        made.cancel()
    except LabdError:
        pass  # it has ended
