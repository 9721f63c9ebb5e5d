"""The web server of the daemon: where it listens, and all that it answers."""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING, Any

import trio

from labd.api.http import Mount, Response, Route
from labd.api.methods import Peer, Role
from labd.config.http import Http
from labd.config.model import Access
from labd.daemon.peers import identify
from labd.daemon.server import bind
from labd.daemon.web import openapi
from labd.daemon.web.doors import Doors, key_at
from labd.daemon.web.health import Health
from labd.daemon.web.meters import Meters
from labd.daemon.web.metrics import Metrics
from labd.daemon.web.rpc import Rpc
from labd.daemon.web.stream import Events
from labd.errors import LabdError
from labd.http.limits import Limits
from labd.http.router import Router
from labd.http.server import Entrance, Server, Tally
from labd.http.site import Site

if TYPE_CHECKING:
    from labd.daemon.app import Daemon

log = logging.getLogger("labd.http")

BACKLOG = 1024
AGAIN = 5.0
"""Seconds until a port that was taken is tried again."""


class Web:
    """The service, which does nothing unless ``http.enabled``; :meth:`configure` takes up a reload."""

    def __init__(self, daemon: Daemon) -> None:
        config = daemon.setup.loaded.config.http
        self.enabled = config.enabled
        self.problem = ""
        self.urls: list[str] = []
        self.meters = Meters(daemon.bus, daemon.queue)
        self.tally = Tally()
        self.server: Server | None = None
        self._daemon, self._config = daemon, config
        self._limits = Limits()
        self._router = Router()
        self._metrics = Metrics(daemon, self.meters, self.tally)
        self._doors: Doors | None = None
        self._sites: list[Site] = []
        self._unix_socket: socket.socket | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen and serve until cancelled. While a port is taken it is tried again and again."""
        task_status.started()
        if not self.enabled:
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.meters.run)
            self.server = self._metrics.server = Server(
                await self._listening(), lambda: self._limits, self.tally, lambda: self._config.drain_timeout,
                self._daemon.uploads.gone,
            )  # fmt: skip
            await self.server.run()

    async def _listening(self) -> list[Entrance]:
        """The listening sockets, as soon as they can be had."""
        while True:
            entrances = self._open()
            if entrances is not None:
                return entrances
            await trio.sleep(AGAIN)

    def prepare(self) -> None:
        """Find the key of the users' tokens. Raises StateError."""
        if self.enabled:
            self._doors = Doors(key_at(f"{self._daemon.setup.paths.runtime}/http.key"), os.getuid())

    def answer(self, routes: list[Route | Mount]) -> None:
        """Answer what labd itself does, and *routes* of plugins. Raises Conflict."""
        self._router.replace([*self._pages(), *routes])

    def configure(self, http: Http, access: Access) -> None:
        """What of the configuration counts from now on."""
        self._config = http
        self._limits = Limits(
            target=http.max_head // 4,
            head=http.max_head,
            body=http.max_body,
            connections=http.max_connections,
            head_time=http.head_timeout,
            idle_time=http.idle_timeout,
            stall_time=http.stall_timeout,
            request_time=http.request_timeout,
        )
        if self._doors is not None:
            self._doors.configure(http, access)
        for site in self._sites:
            site.hosts = frozenset(http.hosts) if site.hosts is not None else None
            site.origins = frozenset(http.origins)

    def hurry(self) -> None:
        """Wait for no request any more."""
        if self.server is not None:
            self.server.hurry()

    def token(self, uid: int) -> str:
        """The own token of a user; empty while HTTP is off."""
        return self._doors.token_of(uid) if self._doors is not None else ""

    def trouble(self) -> list[str]:
        """What an admin should look at."""
        problems = self._doors.problems if self._doors is not None else []
        return [*([f"HTTP is not served: {self.problem}"] if self.problem else []), *problems]

    # -- where it listens ------------------------------------------------------------------------

    def _open(self) -> list[Entrance] | None:
        """The listening sockets, None when one cannot be had."""
        made: list[Entrance] = []
        try:
            if self._config.address:
                made.append(self._tcp())
            if self._config.socket:
                made.append(self._unix())
        except (OSError, LabdError) as error:
            problem = str(getattr(error, "strerror", None) or error)
            if problem != self.problem:
                log.error("HTTP is not served: %s", problem)  # noqa: TRY400 - it says all
            self.problem = problem
            for entrance in made:
                entrance.socket.close()
            return None
        self.problem = ""
        self._sites = [entrance.site for entrance in made]
        self.configure(self._config, self._daemon.control.config.access)
        self.urls = [self._url(entrance.socket) for entrance in made]
        log.info("HTTP is served at %s", ", ".join(self.urls))
        return made

    def _tcp(self) -> Entrance:
        address, port = self._config.address, self._config.port
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
            sock.listen(BACKLOG)
        except OSError as error:
            sock.close()
            raise OSError(error.errno, f"port {port} of {address}: {error.strerror}") from error
        return Entrance(sock, self._site(frozenset()))

    def _unix(self) -> Entrance:
        if (
            self._unix_socket is None
        ):  # it is kept, and so is the lock beside it, over restarts of the service
            shared = os.getuid() == 0 or "RUNTIME_DIRECTORY" in self._daemon.setup.env
            self._unix_socket = bind(self._config.socket, shared)
        return Entrance(self._unix_socket.dup(), self._site(None), self._identify)

    def _identify(self, sock: socket.socket) -> Peer:
        return identify(sock, self._daemon.control.config.access, os.getuid())

    def _site(self, hosts: frozenset[str] | None) -> Site:
        assert self._doors is not None, "prepare comes first"
        return Site(self._router, self._doors.authenticate, hosts)

    def _url(self, sock: socket.socket) -> str:
        if sock.family == socket.AF_UNIX:
            return f"unix:{sock.getsockname()}"
        host, port = sock.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{port}"

    # -- what it answers -------------------------------------------------------------------------

    def _pages(self) -> list[Route]:
        health = Health(self._daemon.control.prove, self._daemon.control.not_ready)
        rpc, events = Rpc(self._daemon.dispatcher), Events(self._daemon.bus, self._daemon.epoch)
        return [
            Route(method="GET", path="/healthz", handler=health.live, role=Role.NONE, doc="Does labd live?"),
            Route(method="GET", path="/readyz", handler=health.ready, doc="Does labd take new work?"),
            Route(method="GET", path="/metrics", handler=self._metrics.answer, doc="For Prometheus."),
            Route(method="GET", path="/events", handler=events.answer, doc="Events, as they happen."),
            Route(method="GET", path="/openapi.json", handler=self._openapi, doc="This description."),
            Route(method="POST", path="/rpc/{method}", handler=rpc.answer, doc="Any method."),
        ]

    async def _openapi(self, request: Any) -> Response:
        version = str(self._daemon.control.status()["labd"])
        methods = self._daemon.dispatcher.methods
        return Response.json(openapi.document(version, self._router.routes, methods))
