"""The client for trio, over any stream: a unix socket, or a memory stream in a test."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import trio

from labd.errors import LabdError
from labd.wire.exchange import Exchange, ExchangeStatistics, Then
from labd.wire.faults import again, late, left, unreachable
from labd.wire.messages import Notice
from labd.wire.session import CHUNK
from labd.wire.subscription import WINDOW, Subscription

POLITENESS = 1.0
"""Seconds for the last messages to leave when a client is done."""


class Client:
    """A connection to the daemon over *stream*, which *where* names in errors.

    ``await nursery.start(client.run)`` returns when the daemon has answered hello; :func:`over` and
    :func:`open_client` do that. *timeout* is in seconds, for every call that names none.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        *,
        where: str = "the stream",
        name: str = "labd-trio",
        timeout: float | None = None,
    ) -> None:
        self.hello: dict[str, Any] = {}
        self._stream = stream
        self._where, self._name, self._timeout = where, name, timeout
        self._exchange = Exchange(where)
        self._outgoing = bytearray()
        self._more = trio.Event()
        self._sending = trio.Lock()

    async def run(self, *, task_status: trio.TaskStatus[dict[str, Any]] = trio.TASK_STATUS_IGNORED) -> None:
        """Own the stream until it ends; ready after hello. Raises only what hello met, and Cancelled."""
        refused: LabdError | None = None
        try:
            async with self._stream, trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                nursery.start_soon(self._read, nursery.cancel_scope)
                try:
                    self.hello = await self._greet()
                    task_status.started(self.hello)
                except LabdError as error:
                    refused = error
                    nursery.cancel_scope.cancel(reason="the daemon did not say hello")
        finally:
            self._exchange.fail(left(self._where))
        if refused is not None:
            raise refused

    @property
    def notices(self) -> deque[Notice]:
        """Notices other than events that came so far, the newest 1000."""
        return self._exchange.notices

    async def call(
        self, method: str, params: dict[str, Any] | None = None, timeout: float | None = None
    ) -> Any:
        """The result of *method*; raises the class of :mod:`labd.errors` that the daemon's error names.

        Any number may be in flight. Cancelling one tells the daemon to stop working on it.
        """
        limit = self._timeout if timeout is None else timeout
        with trio.move_on_after(float("inf") if limit is None else limit):
            return await self._ask(lambda then: self._exchange.call(method, params, then))
        raise late(self._where, method, limit)

    def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        """Send a notice, which has no answer."""
        self.send(self._exchange.notice(method, params))

    async def events(
        self,
        topics: Sequence[str],
        since: int | None = None,
        epoch: str | None = None,
        *,
        window: int = WINDOW,
    ) -> "Feed":
        """Events from now on, or after *since* of *epoch*; subscribed on return."""
        feed = Feed(self._exchange, self.send, Subscription(topics, window, since=since, epoch=epoch))
        await self._ask(lambda then: self._exchange.subscribe(feed.subscription, feed.wake, then))
        return feed

    def statistics(self) -> ExchangeStatistics:
        """Calls, late replies, subscriptions of this connection."""
        return self._exchange.statistics()

    def send(self, data: bytes) -> None:
        """Let the writer send *data*: whoever wants it sent may be cancelled, the message is whole."""
        if data:
            self._outgoing += data
            self._more.set()

    async def flush(self) -> None:
        """Return when the stream has all there was to send; to cancel it breaks the connection."""
        async with self._sending:
            data, self._outgoing = self._outgoing, bytearray()
            try:
                await self._stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # the daemon has hung up; the reader finds out why, if it said so

    async def _greet(self) -> dict[str, Any]:
        hello: dict[str, Any] = await self._ask(lambda then: self._exchange.hello(self._name, then))
        return hello

    async def _ask(self, ask: Callable[[Then], tuple[int, bytes]]) -> Any:
        answered = trio.Event()
        outcome: list[tuple[LabdError | None, Any]] = []

        def settle(error: LabdError | None, result: Any) -> None:
            outcome.append((error, result))
            answered.set()

        number, data = ask(settle)
        self.send(data)
        try:
            await answered.wait()
        finally:
            self.send(self._exchange.give_up(number))
        error, result = outcome[0]
        if error is not None:
            raise error
        return result

    async def _write(self) -> None:
        while True:
            await self._more.wait()
            self._more = trio.Event()
            await self.flush()

    async def _read(self, scope: trio.CancelScope) -> None:
        while self._exchange.failed is None:
            try:
                data = await self._stream.receive_some(CHUNK)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                data = b""
            self.send(self._exchange.feed(bytes(data)))
        scope.cancel(reason="the connection has ended")


class Feed(AsyncIterator[dict[str, Any]]):
    """The events of one subscription; see :mod:`labd.wire.subscription`. For one consumer."""

    def __init__(self, exchange: Exchange, send: Callable[[bytes], None], subscription: Subscription) -> None:
        self.subscription = subscription
        self._exchange = exchange
        self._send = send
        self._news = trio.Event()
        self._closed = False

    async def __anext__(self) -> dict[str, Any]:
        while not self.subscription.ready:
            if self._closed:
                raise StopAsyncIteration
            if self._exchange.failed is not None:
                raise again(self._exchange.failed)
            self._news = trio.Event()
            await self._news.wait()
        event = self.subscription.take()
        self._send(self._exchange.credit(self.subscription))
        return event

    async def aclose(self) -> None:
        """Unsubscribe; the iteration ends after the events that are ready."""
        self._closed = True
        self._send(self._exchange.unsubscribe(self.subscription))
        self.wake()

    def wake(self) -> None:
        """Let the consumer look again."""
        self._news.set()


@asynccontextmanager
async def over(
    stream: trio.abc.Stream,
    *,
    where: str = "the stream",
    name: str = "labd-trio",
    timeout: float | None = None,
) -> AsyncIterator[Client]:
    """A client over *stream*, which is closed in the end. What the block raises comes out as it is."""
    client = Client(stream, where=where, name=name, timeout=timeout)
    caught: BaseException | None = None
    async with trio.open_nursery() as nursery:
        try:
            await nursery.start(client.run)
            yield client
            with trio.move_on_after(POLITENESS):
                await client.flush()
        except BaseException as error:  # the nursery would wrap it in a group; it goes on below
            caught = error
        nursery.cancel_scope.cancel(reason="the client is no longer needed")
    if caught is not None:
        raise caught


@asynccontextmanager
async def open_client(
    path: str, *, name: str = "labd-trio", timeout: float | None = None
) -> AsyncIterator[Client]:
    """A client of the daemon at the socket *path*; :class:`Unreachable` if none answers there."""
    try:
        stream = await trio.open_unix_socket(path)
    except OSError as error:
        raise unreachable(path, error) from None
    async with over(stream, where=path, name=name, timeout=timeout) as client:
        yield client
