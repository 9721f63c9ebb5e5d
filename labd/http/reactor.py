"""Many lanes in one task: an epoll of our own, of which trio knows one descriptor.

A task for each connection would be woken for each request; here one waking serves all that is ready. The
rest is as in :class:`labd.http.server.Server`, whose connections answer what no lane does.
"""

import errno
import logging
import select
import socket
from collections.abc import Callable
from typing import Any, Protocol

import trio

from labd.http.connection import Connection
from labd.http.exchange import Exchange
from labd.http.lane import Ask, Handler, Lane
from labd.http.limits import Limits
from labd.http.parser import Head
from labd.http.server import FULL, Tally
from labd.http.site import Site
from labd.http.transport import SocketTransport

log = logging.getLogger("labd.http")

TURN = 64
"""Sockets that are served before other tasks have their turn."""

PAUSE = 0.1
"""Seconds without accepting when the process has no file descriptor left."""

READABLE = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR | select.EPOLLRDHUP

CHECK = 0.25
"""Seconds between two looks at the limits in time."""


class Direct(Protocol):
    """What is answered directly."""

    def __call__(self, head: Head, origin: Any, /) -> Handler | None:
        """What answers requests with this *head*; None: the site does, by a connection of its own.

        Asked once for a head that a client repeats, and again after :meth:`Reactor.forget`. Raises LabdError,
        which is told to the client.
        """
        ...


class Reactor:
    """The service: owns *listening* sockets and all that is connected to them. *site* answers what *direct*
    does not. Cancelled, it takes no further request and gives those in work *drain* seconds.
    """

    def __init__(
        self,
        listening: list[socket.socket],
        direct: Direct,
        site: Site,
        limits: Limits,
        tally: Tally,
        *,
        drain: float = 0.0,
        identify: Callable[[socket.socket], Any] = lambda sock: None,
    ) -> None:
        self.tally, self.accepted, self.refused = tally, 0, 0
        self._listening, self._direct, self._site = listening, direct, site
        self._limits, self._drain, self._identify = limits, drain, identify
        self._lanes: dict[int, Lane] = {}
        self._away: dict[Lane, Connection] = {}
        self._epoll = select.epoll()
        self._nursery: trio.Nursery | None = None
        self._empty = trio.Event()
        self._stopped = trio.Event()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._lanes)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled, and then let what is in work end."""
        async with trio.open_nursery() as nursery:
            self._nursery = await nursery.start(self._keep)
            try:
                async with trio.open_nursery() as doors:
                    for sock in self._listening:
                        doors.start_soon(self._accept, sock)
                    task_status.started()
            finally:
                self._stopped.set()

    async def _keep(self, *, task_status: trio.TaskStatus[trio.Nursery]) -> None:
        """Serves whoever is connected: that outlives the request to stop, by the time to drain."""
        with trio.CancelScope(shield=True), self._epoll:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._turn)
                nursery.start_soon(self._look_after)
                task_status.started(nursery)
                await self._stopped.wait()
                await self._see_off()
                nursery.cancel_scope.cancel(reason="labd stops")

    def forget(self) -> None:
        """Who may do what has changed."""
        for lane in self._lanes.values():
            lane.forget()

    async def _see_off(self) -> None:
        for sock in self._listening:
            sock.close()
        for lane in list(self._lanes.values()):
            lane.drain()
        for connection in self._away.values():
            connection.drain()
        with trio.move_on_after(self._drain):
            while self._lanes:
                self._empty = trio.Event()
                await self._empty.wait()
        for lane in list(self._lanes.values()):
            lane.end()

    # -- turns -----------------------------------------------------------------------------------

    async def _turn(self) -> None:
        while True:
            await trio.lowlevel.wait_readable(self._epoll.fileno())
            for fd, events in self._epoll.poll(0, TURN):
                lane = self._lanes.get(fd)
                if lane is not None:
                    lane.ready(readable=events & READABLE != 0, writable=events & select.EPOLLOUT != 0)

    async def _look_after(self) -> None:
        while True:
            await trio.sleep(CHECK)
            now = trio.current_time()
            for lane in list(self._lanes.values()):
                lane.check(now)

    async def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                sock, _ = listening.accept()
            except BlockingIOError:
                await trio.lowlevel.wait_readable(listening)
            except ConnectionAbortedError:
                log.debug("a client left before it was let in")
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    raise
                log.warning("no HTTP client can be accepted for now: %s", error)
                await trio.sleep(PAUSE)
            else:
                self.admit(sock)
                await trio.lowlevel.checkpoint()

    def admit(self, sock: socket.socket) -> None:
        """Serve a client that has connected."""
        sock.setblocking(False)
        self.accepted += 1
        if len(self._lanes) >= self._limits.connections:
            self._turn_away(sock)
            return
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lane = Lane(sock, self, self._limits, self._identify(sock))
        self._lanes[sock.fileno()] = lane
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _turn_away(self, sock: socket.socket) -> None:
        """There is room in the buffer of a fresh socket: nobody has to wait for this client."""
        self.refused += 1
        try:
            sock.send(FULL)
            sock.shutdown(socket.SHUT_WR)
            sock.recv(65_536)
        except OSError:
            log.debug("a client did not wait to hear that labd is full")
        sock.close()

    # -- what lanes ask for ----------------------------------------------------------------------

    def direct(self, lane: Lane, head: Head) -> Handler | None:
        return self._direct(head, lane.origin)

    def watch(self, lane: Lane, *, readable: bool, writable: bool) -> None:
        mask = (select.EPOLLIN if readable else 0) | (select.EPOLLOUT if writable else 0)
        fd = lane.sock.fileno()
        if mask and fd in self._lanes:
            self._epoll.modify(fd, mask)
        elif fd in self._lanes:
            self._epoll.modify(fd, select.EPOLLRDHUP)

    def give_away(self, lane: Lane, head: Head) -> None:
        assert self._nursery is not None, "lanes come after run"
        self._epoll.unregister(lane.sock.fileno())
        self._nursery.start_soon(self._elsewhere, lane, head)

    async def _elsewhere(self, lane: Lane, head: Head) -> None:
        async def handle(exchange: Exchange) -> None:
            await self._site.answer(connection, exchange)

        stream = SocketTransport(lane.sock)
        connection = Connection(
            stream, handle, self._limits, self.tally, origin=lane.origin, parser=lane.parser
        )  # fmt: skip
        self._away[lane] = connection
        again = False
        try:
            if self._stopped.is_set():
                connection.drain()
            again = await connection.run_one(head)
        except Exception:
            log.exception("an HTTP connection failed")
        finally:
            del self._away[lane]
            if lane.sock.fileno() in self._lanes:
                self._epoll.register(lane.sock.fileno(), select.EPOLLIN)
            lane.take_back(again)

    def closed(self, lane: Lane) -> None:
        fd = lane.sock.fileno()
        if self._lanes.pop(fd, None) is not None:
            try:
                self._epoll.unregister(fd)
            except (OSError, ValueError):
                pass  # it is away, or the reactor has ended
        if not self._lanes:
            self._empty.set()

    def count(self, ask: Ask, status: int, seconds: float) -> None:
        if ask.head.method:
            self.tally.requests[ask.head.method, ask.route, status] += 1
            self.tally.seconds[ask.route].observe(seconds)
        else:
            self.tally.refused(status)

    def now(self) -> float:
        return trio.current_time()
