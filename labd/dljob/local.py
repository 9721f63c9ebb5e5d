"""Calls in this process, one after the other, or in a few processes of their own."""

import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from typing import Any

from labd.dljob import load
from labd.dljob.work import Done, Failure, News, Work

Ended = tuple[Any, Failure | None]


class Local:
    """The target of development. What the functions print is seen as they do.

    With more than one of *workers*, processes are forked once the function is imported.
    """

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers

    def run(self, work: Work) -> Iterator[News]:
        """As :meth:`labd.dljob.work.Target.run`: a function that cannot be imported is said at once."""
        function = load.function(work.module, work.function)
        workers = min(self._workers, len(work.args_list))
        return _several(work, workers) if workers > 1 else _here(function, work)


def _here(function: load.Function, work: Work) -> Iterator[Done]:
    for index, args in enumerate(work.args_list):
        yield Done(index, *_ended(function, args, work.kwargs(index)))


def _ended(function: load.Function, args: Any, kwargs: dict[str, Any]) -> Ended:
    try:
        return function(*args, **kwargs), None
    except (Exception, SystemExit) as error:
        return None, load.failure(error)


def _several(work: Work, workers: int) -> Iterator[Done]:
    sys.stdout.flush()  # else each process has a copy of what is not yet out
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork"))
    try:
        futures = {
            pool.submit(_there, work.module, work.function, args, work.kwargs(index)): index
            for index, args in enumerate(work.args_list)
        }
        for future in as_completed(futures):
            yield Done(futures[future], *_got(future))
    finally:
        pool.shutdown(cancel_futures=True)


def _there(module: str, name: str, args: Any, kwargs: dict[str, Any]) -> Ended:
    """What a process of the pool does for each call."""
    return _ended(load.function(module, name), args, kwargs)


def _got(future: "Future[Ended]") -> Ended:
    try:
        return future.result()
    except Exception as error:  # the process is gone, or what it gave cannot travel
        return None, Failure(type(error).__name__, str(error))
