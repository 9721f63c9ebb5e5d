"""The real node of a plugin, in a daemon that runs in this very process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from labd.api import Method, hookimpl
from labd.config import load
from labd.daemon.app import Daemon
from labd.daemon.node import PluginNode
from labd.daemon.notify import Notifier
from labd.daemon.plugins import Found
from labd.daemon.registry import Registry
from labd.daemon.setup import Setup
from labd.jobs import limits
from labd.paths import find
from labd.store.writer import Store


class Catcher:
    """A plugin that offers nothing and keeps its node."""

    @hookimpl
    def labd_methods(self, node: PluginNode) -> list[Method]:
        self.node = node
        return []


class Up(Notifier):
    """Says when the daemon is ready."""

    def __init__(self) -> None:
        super().__init__()
        self.up = trio.Event()

    def ready(self, status: str = "") -> None:
        self.up.set()


async def end_jobs(daemon: Daemon) -> None:
    """Leave no shim behind: the folder is about to be removed."""
    with trio.move_on_after(60, shield=True):
        for job in list(daemon.queue.live):
            await daemon.runner.cancel(job, "tests", "the test has ended")
        await daemon.queue.wait_idle()


@asynccontextmanager
async def a_real_node(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PluginNode]:
    """The node of the plugin ``hello``; the machine has 8 cores and two GPUs of 24 GiB that do not exist."""
    monkeypatch.setattr(limits, "probe", lambda: None)  # it may move the process, which is pytest's
    places = {"STATE_DIRECTORY": f"{folder}/s", "RUNTIME_DIRECTORY": f"{folder}/r"}
    machine = [
        "resources.cores=8", "resources.gpus=[0, 1]", "resources.gpu_memory=24G",
        "resources.gpu_probe=/bin/true",
    ]  # fmt: skip
    up, catcher, registry = Up(), Catcher(), Registry(strict=True)
    registry.load([Found("hello", __name__, "tests", "1", lambda: catcher)], lambda name, struct: None)
    setup = Setup(
        loaded=load(overrides=machine), files=(), overrides=machine, env=places, paths=find(places),
        store=Store.open(f"{folder}/s/labd.db"), registry=registry, notifier=up,
    )  # fmt: skip
    daemon = Daemon(setup)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(daemon.run)
        await up.up.wait()
        try:
            yield catcher.node
        finally:
            await end_jobs(daemon)
            daemon.control.stop("the test has ended")
