"""One asyncio connection of :class:`labd.wire.aio.Client`: an exchange and the stream under it."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from labd.errors import LabdError
from labd.wire.exchange import Exchange, Then
from labd.wire.faults import left, unreachable
from labd.wire.session import CHUNK
from labd.wire.subscription import Subscription

Connect = Callable[[str], Awaitable[socket.socket]]


async def connect_unix(path: str) -> socket.socket:
    """A socket connected to *path*; OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        await asyncio.get_running_loop().sock_connect(sock, path)
    except BaseException:
        sock.close()
        raise
    return sock


class Follower(Protocol):
    """What a link feeds."""

    subscription: Subscription

    def wake(self) -> None: ...

    def fail(self, error: LabdError) -> None: ...


class Link:
    """One connection: an exchange and the socket under it.

    Not a transport of asyncio: that drops what the daemon said last when a write finds it gone.
    """

    def __init__(self, path: str) -> None:
        self.exchange = Exchange(path)
        self._path = path
        self._sock: socket.socket | None = None
        self._outgoing = bytearray()

    async def open(self, connect: Connect) -> None:
        """Connect; failing that, the exchange has failed."""
        try:
            self._sock = await connect(self._path)
        except OSError as error:
            self.exchange.fail(unreachable(self._path, error))

    async def read(self) -> None:
        """Read until the exchange fails."""
        while self.exchange.failed is None and self._sock is not None:
            try:
                data = await asyncio.get_running_loop().sock_recv(self._sock, CHUNK)
            except OSError:
                data = b""  # reset: closed, as far as we are concerned
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
        """Send *data* now, or as soon as the daemon reads on."""
        if data and self._sock is not None and self.exchange.failed is None:
            waiting = bool(self._outgoing)
            self._outgoing += data
            if not waiting and not self._flushed(self._sock):
                asyncio.get_running_loop().add_writer(self._sock, self._go_on, self._sock)

    def close(self) -> None:
        """Drop the connection at once."""
        self.exchange.fail(left(self._path))
        if self._sock is not None:
            asyncio.get_running_loop().remove_writer(self._sock)
            self._sock.close()
            self._sock = None

    def _go_on(self, sock: socket.socket) -> None:
        if self._flushed(sock):
            asyncio.get_running_loop().remove_writer(sock)

    def _flushed(self, sock: socket.socket) -> bool:
        """Send what the socket takes; whether nothing is left."""
        try:
            del self._outgoing[: sock.send(self._outgoing)]
        except BlockingIOError:
            return False
        except OSError:
            self._outgoing.clear()  # the daemon has hung up; the reader finds out why, if it said so
        return not self._outgoing
