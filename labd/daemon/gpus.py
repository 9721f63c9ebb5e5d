"""The service that looks after the GPUs: what their drivers say becomes what the ledger hands out."""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import trio

from labd.config.model import Resources
from labd.jobs.decide import Draft
from labd.resources import drivers
from labd.resources.ask import Asker
from labd.resources.inventory import Answer, Change, Inventory
from labd.resources.ledger import Ledger

log = logging.getLogger("labd.gpus")


class GpuWatch:
    """Asks the drivers now and then.

    *record* makes events of drafts, *kick* lets waiting jobs be looked at, *remember* keeps the indices of
    GPUs over a restart.
    """

    def __init__(
        self,
        inventory: Inventory,
        ledger: Ledger,
        settings: Resources,
        record: Callable[[Iterable[Draft]], None],
        kick: Callable[[], None],
        remember: Callable[[Mapping[str, int]], None],
        asker: Asker | None = None,
    ) -> None:
        self._inventory = inventory
        self._ledger = ledger
        self._settings = settings
        self._record = record
        self._kick = kick
        self._remember = remember
        self._asker = asker or Asker()
        self._wake = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Ask, be ready, then ask again at intervals, and when the settings change."""
        while True:
            self._wake = trio.Event()
            await self._look()
            task_status.started()
            task_status = trio.TASK_STATUS_IGNORED
            with trio.move_on_after(self._settings.gpu_probe_interval):
                await self._wake.wait()

    def configure(self, settings: Resources) -> None:
        """Go by *settings*, at once as far as no driver has to be asked."""
        self._settings = settings
        self._wake.set()
        self._supply()

    async def _look(self) -> None:
        settings = self._settings
        if settings.gpus == "none":
            return
        command = _command(settings)
        answer = await self._asker.ask(command, settings.gpu_probe_timeout) if command else Answer()
        indices = dict(self._inventory.indices)
        changes = self._inventory.hear(answer)
        if indices != self._inventory.indices:
            self._remember(self._inventory.indices)
        self._supply()
        self._tell(changes)

    def _supply(self) -> None:
        """The ledger hands out what there is."""
        devices = self._inventory.devices(self._settings.gpus, self._settings.gpu_memory)
        indices = tuple(device.index for device in devices)
        self._ledger.capacity = msgspec.structs.replace(self._ledger.capacity, gpus=indices, devices=devices)
        self._kick()

    def _tell(self, changes: Iterable[Change]) -> None:
        statistics = self._ledger.statistics()
        ours = [change for change in changes if change.device.index in statistics.gpus]
        for _, device in ours:
            log.warning("%s", device.trouble or f"GPU {device.index} is well again")
        self._record(
            Draft(change.kind, _data(change, statistics.gpus_held), cause=change.device.why)
            for change in ours
        )


def _command(settings: Resources) -> Sequence[str]:
    """What to ask, if there is anything."""
    if settings.gpu_probe:
        return (settings.gpu_probe,)
    return drivers.COMMAND if drivers.present() else ()


def _data(change: Change, held: Mapping[str, str]) -> dict[str, Any]:
    device = change.device
    holders = held.get(str(device.index), "")
    return {"gpu": device.index, "name": device.name, "uuid": device.uuid, "held_by": holders}


# -- the indices over a restart ----------------------------------------------------------------------


class _Kept(msgspec.Struct, frozen=True):
    boot: str
    indices: dict[str, int]


def keep_indices(conn: sqlite3.Connection, boot: str, indices: Mapping[str, int]) -> None:
    """Remember the *indices* of GPUs as long as the machine is up: no job holds one any longer."""
    text = msgspec.json.encode(_Kept(boot, dict(indices))).decode()
    conn.execute("insert or replace into meta(key, value) values('gpus', ?)", (text,))


def kept_indices(conn: sqlite3.Connection, boot: str) -> dict[str, int]:
    """The indices that GPUs have had on this boot, by uuid."""
    row = conn.execute("select value from meta where key = 'gpus'").fetchone()
    kept = msgspec.json.decode(row[0], type=_Kept) if row else _Kept("", {})
    return kept.indices if kept.boot == boot else {}
