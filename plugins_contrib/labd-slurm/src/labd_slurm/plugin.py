"""What labd imports: the settings and the engine."""

from labd.api import Engine, Node, Service, hookimpl
from labd_slurm.driver import Driver
from labd_slurm.settings import Settings

LABD_API = 1
"""The plugin API that this plugin was written for."""


@hookimpl
def labd_settings() -> type[Settings]:
    return Settings


_drivers: dict[int, tuple[Node, Driver]] = {}


def _driver(node: Node) -> Driver:
    """The one driver of *node*, whichever hook is asked first."""
    if id(node) not in _drivers:
        _drivers[id(node)] = node, Driver(node, node.config)
    return _drivers[id(node)][1]


@hookimpl
def labd_services(node: Node) -> Service:
    return Service("slurm", _driver(node).run)


@hookimpl
def labd_engines(node: Node) -> Engine:
    settings: Settings = node.config
    return Engine(
        name="slurm", driver=_driver(node), doc="Tasks of arrays of a Slurm cluster.",
        seconds=settings.task_seconds, at_once=settings.at_once,
    )  # fmt: skip
