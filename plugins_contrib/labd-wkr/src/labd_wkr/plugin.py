"""What labd imports: settings, the ports as services, and the loader of old worker classes."""

import os
import signal
from functools import partial

import trio

from labd.api import Loader, Node, Restart, Service, hookimpl
from labd_wkr.board import Board
from labd_wkr.doors import Doors
from labd_wkr.front import Front
from labd_wkr.settings import Door, Settings

LABD_API = 1


@hookimpl
def labd_settings() -> type[Settings]:
    return Settings


@hookimpl
def labd_model_loaders(node: Node) -> Loader:
    return Loader("wkr", "labd_wkr.loader", "A WKRHardWorker: `target` is FILE.Class, found in `path`.")


@hookimpl
def labd_services(node: Node) -> list[Service]:
    return [service(node, name, door) for name, door in node.config.models.items()]


def service(node: Node, name: str, door: Door) -> Service:
    """The pair of ports for the model *name*."""
    board = Board()
    stop = partial(os.kill, os.getpid(), signal.SIGTERM)
    front = Front(name, door, board, lambda: node.serving.models, trio.current_time, node.log)
    doors = Doors(door, board, front, stop, node.log)
    return Service(f"wkr-{name}", doors.run, Restart(stop_timeout=door.drain + 2))
