"""What labd imports: the settings, the routes, the numbers and the service with the listener."""

from labd.api import Metrics, Node, Restart, Route, Service, hookimpl
from labd.plugins.serving_http.front import Front
from labd.plugins.serving_http.metrics import families
from labd.plugins.serving_http.settings import Settings

LABD_API = 1

FAREWELL = 5.0
"""Seconds beyond the time to drain in which connections are closed."""


@hookimpl
def labd_settings() -> type[Settings]:
    return Settings


_fronts: dict[int, tuple[Node, Front]] = {}


def _front(node: Node) -> Front:
    """The one front of *node*, whichever hook is asked first."""
    if id(node) not in _fronts:
        _fronts[id(node)] = node, Front(node)
    return _fronts[id(node)][1]


@hookimpl
def labd_http_routes(node: Node) -> list[Route]:
    return _front(node).routes()


@hookimpl
def labd_metrics(node: Node) -> Metrics:
    front = _front(node)
    return Metrics(lambda: families(front.tally, front.connections()))


@hookimpl
def labd_services(node: Node) -> Service:
    front = _front(node)
    return Service("serving-http", front.run, Restart(stop_timeout=front.settings.drain_timeout + FAREWELL))
