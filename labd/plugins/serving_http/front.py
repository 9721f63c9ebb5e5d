"""Everything that answers, put together, and the listener of our own."""

import socket
from importlib.metadata import version

import trio

from labd.api import Models, Node, Route
from labd.http.limits import Limits
from labd.http.reactor import Reactor
from labd.http.router import Router
from labd.http.server import Tally
from labd.http.site import Site
from labd.plugins.serving_http.dashboard import Dashboard
from labd.plugins.serving_http.desk import Desk
from labd.plugins.serving_http.direct import Direct
from labd.plugins.serving_http.door import door
from labd.plugins.serving_http.local import ends
from labd.plugins.serving_http.oip.shared import Regions
from labd.plugins.serving_http.protocol import Protocol
from labd.plugins.serving_http.settings import Settings, address
from labd.plugins.serving_http.wkr import Wkr

BACKLOG = 4096
AGAIN = 5.0
"""Seconds until a port that was taken is tried again."""


class Front:
    """The routes for any server, and the service with a listener."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.settings: Settings = node.config
        self.tally = Tally()
        self.regions = Regions()
        self.reactor: Reactor | None = None
        self.port = 0
        self.desk = Desk(self.models, self.regions)

    def models(self) -> Models:
        """Who serves models now. Raises NotReady."""
        return self._node.serving.models

    def routes(self) -> list[Route]:
        """What both servers answer."""
        settings = self.settings
        return [
            *Protocol(self.desk, version("labd"), settings.max_body).routes(),
            *Wkr(self.models, settings.default_model, settings.image_hosts, settings.max_body).routes(),
            *Dashboard(self.models, self.connections).routes(),
        ]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen, if a listener is wanted, until cancelled."""
        task_status.started()
        try:
            if self.settings.listen:
                await self._listen()
            else:
                await trio.sleep_forever()
        finally:
            self.regions.clear()

    def connections(self) -> int | None:
        """How many clients our own listener has; None while there is none."""
        return self.reactor.connections if self.reactor is not None else None

    async def _listen(self) -> None:
        settings, guard = self.settings, door(self.settings)
        router = Router()
        router.add(self.routes())
        site = Site(router, guard.of_exchange, frozenset(settings.hosts), frozenset(settings.cors))
        sock = await self._socket()
        self.port = sock.getsockname()[1]
        self._node.log.info(
            "models are served at http://%s", settings.listen.rpartition(":")[0] + f":{self.port}"
        )
        self.reactor = Reactor(
            [sock],
            Direct(self.desk, guard.of_head),
            site,
            _limits(settings),
            self.tally,
            drain=settings.drain_timeout,
            identify=ends,
        )
        try:
            await self.reactor.run()
        finally:
            self.reactor, self.port = None, 0

    def _log_taken(self, error: OSError) -> None:
        self._node.log.error("models are not served: %s: %s", self.settings.listen, error.strerror)

    async def _socket(self) -> socket.socket:
        """The listening socket, as soon as it can be had."""
        host, port, _ = address(self.settings.listen)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        told = False
        while True:
            try:
                sock = socket.create_server((host, port), family=family, backlog=BACKLOG)
            except OSError as error:
                if not told:
                    self._log_taken(error)
                told = True
                await trio.sleep(AGAIN)
            else:
                sock.setblocking(False)
                return sock


def _limits(settings: Settings) -> Limits:
    return Limits(
        body=settings.max_body,
        connections=settings.max_connections,
        head_time=settings.head_timeout,
        idle_time=settings.idle_timeout,
        stall_time=settings.stall_timeout,
        request_time=settings.request_timeout,
    )
