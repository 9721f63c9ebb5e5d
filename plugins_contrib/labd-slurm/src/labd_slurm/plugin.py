"""What labd imports: the settings and the engine."""

from labd.api import Engine, Node, hookimpl
from labd_slurm.driver import Driver
from labd_slurm.settings import Settings

LABD_API = 1
"""The plugin API that this plugin was written for."""


@hookimpl
def labd_settings() -> type[Settings]:
    return Settings


@hookimpl
def labd_engines(node: Node) -> Engine:
    settings: Settings = node.config
    return Engine(
        name="slurm", driver=Driver(node, settings), doc="Tasks of arrays of a Slurm cluster.",
        seconds=settings.task_seconds, at_once=settings.at_once,
    )  # fmt: skip
