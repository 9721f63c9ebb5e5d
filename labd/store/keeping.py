"""The service that keeps the newest few snapshots."""

import logging
import os
from collections.abc import Callable
from typing import Protocol

import trio

from labd.errors import LabdError
from labd.store import snapshot

log = logging.getLogger("labd.store")


class Snapshotted(Protocol):
    """What :func:`run_snapshots` needs of a store."""

    @property
    def path(self) -> str: ...

    @property
    def now(self) -> Callable[[], float]: ...


async def run_snapshots(
    store: Snapshotted,
    interval: float,
    keep: int,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """The service that takes a snapshot every *interval* seconds and keeps *keep* of them.

    The first is due *interval* after the newest one there, so that restarts do not push old ones out.
    One that fails is logged and tried again next time.
    """
    task_status.started()
    await trio.sleep(_until_due(store, interval))
    while True:
        try:
            await trio.to_thread.run_sync(snapshot.take_dated, store.path, store.now(), keep)
        except (LabdError, OSError) as error:
            log.warning("no snapshot of %s: %s", store.path, error)
        await trio.sleep(interval)


def _until_due(store: Snapshotted, interval: float) -> float:
    there = snapshot.newest_first(store.path)
    age = store.now() - os.stat(there[0]).st_mtime if there else interval
    return min(max(interval - age, 0.0), interval)
