"""One asyncio connection of :class:`labd.wire.aio.Client`: an exchange and the stream under it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from labd.errors import LabdError
from labd.wire.exchange import Exchange, Then
from labd.wire.faults import left, unreachable
from labd.wire.session import CHUNK
from labd.wire.subscription import Subscription

Connect = Callable[[str], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Follower(Protocol):
    """What a link feeds."""

    subscription: Subscription

    def wake(self) -> None: ...

    def fail(self, error: LabdError) -> None: ...


class Link:
    """One connection: an exchange and the stream under it."""

    def __init__(self, path: str) -> None:
        self.exchange = Exchange(path)
        self._path = path
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self, connect: Connect) -> None:
        """Connect; failing that, the exchange has failed."""
        try:
            self._reader, self._writer = await connect(self._path)
        except OSError as error:
            self.exchange.fail(unreachable(self._path, error))

    async def read(self) -> None:
        """Read until the exchange fails."""
        while self.exchange.failed is None and self._reader is not None:
            try:
                data = await self._reader.read(CHUNK)
            except OSError:
                data = b""   # reset: closed, as far as we are concerned
            self.send(self.exchange.feed(data))

    def hello(self, name: str, then: Then) -> None:
        """Make the first request."""
        if self.exchange.failed is None:
            self.send(self.exchange.hello(name, then)[1])

    async def call(self, method: str, params: dict[str, Any] | None) -> Any:
        """The result of one call."""
        answer: asyncio.Future[tuple[LabdError | None, Any]] = asyncio.get_running_loop().create_future()

        def settle(error: LabdError | None, result: Any) -> None:
            if not answer.done():
                answer.set_result((error, result))

        number, data = self.exchange.call(method, params, settle)
        self.send(data)
        try:
            error, result = await answer
        finally:
            self.send(self.exchange.give_up(number))
        if error is not None:
            raise error
        return result

    def subscribe(self, feed: Follower) -> None:
        """Start or resume *feed*, which hears of a refusal; after a broken connection it will resume."""

        def then(error: LabdError | None, result: Any) -> None:
            if error is not None and self.exchange.failed is None:
                feed.fail(error)

        self.send(self.exchange.subscribe(feed.subscription, feed.wake, then)[1])

    def send(self, data: bytes) -> None:
        """Hand *data* to the transport, if there still is one."""
        if data and self._writer is not None and self.exchange.failed is None:
            self._writer.write(data)

    def close(self) -> None:
        """Drop the connection at once."""
        self.exchange.fail(left(self._path))
        if self._writer is not None:
            self._writer.transport.abort()
