"""Listens, lets clients in, and sees them off."""

import errno
import logging
import socket
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import trio

from labd.http.connection import FAREWELL, Connection
from labd.http.exchange import Exchange
from labd.http.histogram import Histogram
from labd.http.limits import Limits
from labd.http.site import Site
from labd.http.transport import SocketTransport

log = logging.getLogger("labd.http")

ACCEPT_PAUSE = 0.1
"""Seconds without accepting when the process has no file descriptor left."""

SPARE = 32
"""Connections over the limit that are still told so; any more are closed without a word."""

FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\n"
    b"content-type: text/plain\r\ncontent-length: 26\r\n\r\ntoo many are connected now"
)


class Entrance(NamedTuple):
    """A listening socket, what is served there, and what the kernel says of who comes."""

    socket: socket.socket
    site: Site
    identify: Callable[[socket.socket], Any] = lambda sock: None


class Tally:
    """What has been answered: requests by method, route and status, and how long they took by route."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.seconds: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.refusals: Counter[int] = Counter()

    def answered(self, exchange: Exchange, status: int, seconds: float) -> None:
        self.requests[exchange.method, exchange.route, status] += 1
        if not exchange.endless:
            self.seconds[exchange.route].observe(seconds)

    def refused(self, status: int) -> None:
        self.refusals[status] += 1


class Server:
    """The service: owns the listening sockets of *entrances* and all connections.

    Cancelled, it takes no further request and gives those in work *drain* seconds.
    """

    def __init__(
        self,
        entrances: Sequence[Entrance],
        limits: Callable[[], Limits],
        tally: Tally,
        drain: Callable[[], float] = lambda: 0.0,
        gone: Callable[[int], Awaitable[None]] | None = None,
    ) -> None:
        self.tally = tally
        self.accepted = self.refused = 0
        self._entrances, self._limits, self._drain, self._gone = entrances, limits, drain, gone
        self._open: set[Connection] = set()
        self._turning = 0
        self._life = trio.CancelScope(shield=True)
        self._stopped = trio.Event()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._open)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled, and then let what is in work end."""
        async with trio.open_nursery() as nursery:
            clients = await nursery.start(self._keep)
            try:
                async with trio.open_nursery() as doors:
                    for entrance in self._entrances:
                        doors.start_soon(self._accept, entrance, clients)
                    task_status.started()
            finally:
                self._see_off()

    async def _keep(self, *, task_status: trio.TaskStatus[trio.Nursery]) -> None:
        """Holds the connections: they outlive the request to stop, by the time to drain."""
        with self._life:
            async with trio.open_nursery() as clients:
                task_status.started(clients)
                await self._stopped.wait()

    def _see_off(self) -> None:
        for entrance in self._entrances:
            entrance.socket.close()
        for connection in list(self._open):
            connection.drain()
        self._life.deadline = trio.current_time() + self._drain()
        self._stopped.set()

    def hurry(self) -> None:
        """Wait for no request any more, now or when told to stop."""
        self._drain = lambda: 0.0
        if self._stopped.is_set():
            self._life.cancel(reason="labd stops in a hurry")

    # -- letting in ------------------------------------------------------------------------------

    async def _accept(self, entrance: Entrance, clients: trio.Nursery) -> None:
        while True:
            try:
                sock, _ = entrance.socket.accept()
            except BlockingIOError:
                await trio.lowlevel.wait_readable(entrance.socket)
            except ConnectionAbortedError:
                log.debug("a client left before it was let in")
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    raise
                log.warning("no HTTP client can be accepted for now: %s", error)
                await trio.sleep(ACCEPT_PAUSE)
            else:
                sock.setblocking(False)
                self._admit(sock, entrance, clients)
                await trio.lowlevel.checkpoint()

    def _admit(self, sock: socket.socket, entrance: Entrance, clients: trio.Nursery) -> None:
        self.accepted += 1
        limits = self._limits()
        if len(self._open) < limits.connections:
            connection = self.connection(
                SocketTransport(sock), entrance.site, limits, entrance.identify(sock)
            )
            clients.start_soon(self._serve, connection, name="http client")
            return
        self.refused += 1
        if self._turning < SPARE:
            self._turning += 1
            clients.start_soon(self._turn_away, sock)
        else:
            sock.close()

    async def _serve(self, connection: Connection) -> None:
        """One client, behind a boundary: whatever goes wrong stays here."""
        try:
            await connection.run()
        except Exception:
            log.exception("an HTTP connection failed")
        finally:
            self._open.discard(connection)

    def connection(
        self, stream: trio.abc.HalfCloseableStream, site: Site, limits: Limits, origin: Any = None
    ) -> Connection:
        """A connection over *stream*, which is counted from now on."""

        async def handle(exchange: Exchange) -> None:
            await site.answer(made, exchange)

        made = Connection(stream, handle, limits, self.tally, origin=origin, gone=self._gone)
        self._open.add(made)
        return made

    async def _turn_away(self, sock: socket.socket) -> None:
        try:
            with trio.move_on_after(FAREWELL):
                stream = SocketTransport(sock)
                await stream.send_all(FULL)
                await stream.send_eof()
                while await stream.receive_some():
                    pass
        except (trio.BrokenResourceError, OSError):
            log.debug("a client did not wait to hear that labd is full")
        finally:
            self._turning -= 1
            sock.close()
