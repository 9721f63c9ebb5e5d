"""What labd imports: the engine, and the service that keeps its helper. Never Dask."""

from labd.api import Engine, Node, Restart, Service, hookimpl
from labd_dask.driver import Driver
from labd_dask.settings import Settings

LABD_API = 1

_drivers: dict[int, tuple[Node, Driver]] = {}


def _driver(node: Node) -> Driver:
    """The one driver of *node*, whichever hook is asked first."""
    if id(node) not in _drivers:
        _drivers[id(node)] = node, Driver(node, node.config)
    return _drivers[id(node)][1]


@hookimpl
def labd_settings() -> type[Settings]:
    return Settings


@hookimpl
def labd_engines(node: Node) -> Engine:
    settings: Settings = node.config
    return Engine(
        name="dask", driver=_driver(node), doc="Tasks on a Dask cluster.",
        seconds=settings.seconds, at_once=settings.tasks,
    )  # fmt: skip


@hookimpl
def labd_services(node: Node) -> Service:
    always = Restart(when="always", first_delay=0.5, max_delay=10.0, burst=1_000_000)
    return Service("dask", _driver(node).run, always)
