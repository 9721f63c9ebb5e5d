"""What labd imports: the settings, the methods and the service of maps."""

import os
from typing import Annotated

import msgspec
from msgspec import Meta

from labd.api import Method, Node, Service, hookimpl
from labd.plugins.fanout.engine import Engine
from labd.plugins.fanout.methods import MapMethods

LABD_API = 1
LABD_NAMES = ("map",)
"""What else the names of its methods and events begin with."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[plugins.fanout]``: workers that a map has unless it says so itself (0: the cores of the machine),
    and how many calls one may have.
    """

    workers: Annotated[int, Meta(ge=0, le=10_000)] = 0
    max_calls: Annotated[int, Meta(ge=1, le=100_000_000)] = 10_000_000


@hookimpl
def labd_settings() -> type[Settings]:
    return Settings


_engines: dict[int, tuple[Node, Engine]] = {}


def _engine(node: Node) -> Engine:
    """The one engine of *node*, whichever hook is asked first."""
    if id(node) not in _engines:
        settings: Settings = node.config
        slots = settings.workers or len(os.sched_getaffinity(0))
        _engines[id(node)] = node, Engine(node, slots, settings.max_calls)
    return _engines[id(node)][1]


@hookimpl
def labd_methods(node: Node) -> list[Method]:
    return MapMethods(_engine(node), node).all()


@hookimpl
def labd_services(node: Node) -> Service:
    return Service("fanout", _engine(node).run)
