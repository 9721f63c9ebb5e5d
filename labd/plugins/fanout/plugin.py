"""What labd imports: the settings, the methods and the service of maps."""

import os
from typing import Annotated

import msgspec
from msgspec import Meta

from labd.api import Method, Node, Service, hookimpl
from labd.plugins.fanout.engine import Engine
from labd.plugins.fanout.methods import MapMethods
from labd.plugins.fanout.retention import Limits

LABD_API = 1
LABD_NAMES = ("map",)
"""What else the names of its methods and events begin with."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[plugins.fanout]``: workers that a map has unless it says so itself (0: the cores of the machine),
    and how many calls one may have. Maps go ``keep_days`` after their end, with their results, and earlier,
    the oldest first, while all have more than ``max_bytes``; 0 is no limit.
    """

    workers: Annotated[int, Meta(ge=0, le=10_000)] = 0
    max_calls: Annotated[int, Meta(ge=1, le=100_000_000)] = 10_000_000
    keep_days: Annotated[float, Meta(ge=0)] = 90
    max_bytes: Annotated[int, Meta(ge=0)] = 0


@hookimpl
def labd_settings() -> type[Settings]:
    return Settings


_engines: dict[int, tuple[Node, Engine]] = {}


def _engine(node: Node) -> Engine:
    """The one engine of *node*, whichever hook is asked first."""
    if id(node) not in _engines:
        settings: Settings = node.config
        slots = settings.workers or len(os.sched_getaffinity(0))
        _engines[id(node)] = (
            node,
            Engine(node, slots, settings.max_calls, Limits(settings.keep_days * 86_400, settings.max_bytes)),
        )
    return _engines[id(node)][1]


@hookimpl
def labd_methods(node: Node) -> list[Method]:
    return MapMethods(_engine(node), node).all()


@hookimpl
def labd_services(node: Node) -> Service:
    return Service("fanout", _engine(node).run)
