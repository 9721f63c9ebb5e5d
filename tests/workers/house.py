"""Workers without a daemon around them."""

import getpass
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from labd.api.workers import WorkerSpec
from labd.workers.plugin import PluginWorkers
from labd.workers.service import WorkerHouse

FOLDER = str(Path(__file__).parent)
USER = getpass.getuser()
LOG = logging.getLogger("tests.workers")


class Lease:
    def __init__(self, gpu_ids: tuple[int, ...]) -> None:
        self.gpu_ids = gpu_ids


class Ledger:
    """Grants everything, and remembers it."""

    def __init__(self) -> None:
        self.held: list[dict[str, Any]] = []
        self.granted = 0

    @asynccontextmanager
    async def lease(self, **asked: Any) -> AsyncIterator[Lease]:
        await trio.lowlevel.checkpoint()
        self.held.append(asked)
        self.granted += 1
        try:
            yield Lease(tuple(range(asked["gpus"])))
        finally:
            self.held.remove(asked)


class House:
    """A :class:`WorkerHouse` that runs, what a plugin gets of it, and the events that it made."""

    def __init__(self, **options: Any) -> None:
        self.ledger = Ledger()
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.house = WorkerHouse(self.ledger, lambda kind, data: self.events.append((kind, data)), **options)
        self.workers: PluginWorkers = self.house.of("tests", LOG)


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[House]:
    house = House(**options)
    async with trio.open_nursery() as nursery:
        await nursery.start(house.house.run)
        try:
            yield house
        finally:
            nursery.cancel_scope.cancel()


def foreign(**more: Any) -> WorkerSpec:
    """A worker with the functions of :mod:`tests.workers.foreign`."""
    usual = {"target": "foreign", "path": (FOLDER,), "user": USER}
    return WorkerSpec(**(usual | more))
