"""The service: follows the log, makes spans of attempts that end, and hands them to the exporter."""

import sqlite3
from functools import partial
from typing import Any

import trio

from labd.api.node import Event
from labd.config.telemetry import Telemetry
from labd.daemon.events import Bus
from labd.daemon.telemetry import spans
from labd.daemon.telemetry.exporter import Exporter, Statistics
from labd.daemon.telemetry.spans import Origin, Span
from labd.jobs import table
from labd.store import eventlog
from labd.store.writer import Store

READ = 256
LONGEST = 1000
"""Events of one job that are looked at: those of very many retries are not all needed."""


class Spans:
    """Attempts that end from now on. Without an endpoint nothing is done; what lags behind is left out."""

    def __init__(self, store: Store, bus: Bus, origin: Origin, exporter: Exporter | None = None) -> None:
        self._store = store
        self._bus = bus
        self._origin = origin
        self._exporter = exporter or Exporter(origin)

    def configure(self, settings: Telemetry) -> None:
        """Take up the configuration."""
        self._exporter.settings = settings

    @property
    def endpoint(self) -> str:
        """Where spans go; empty for nowhere."""
        return self._exporter.settings.endpoint

    def statistics(self) -> Statistics:
        return self._exporter.statistics()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        with self._bus.listen(("job.*",)) as listener:
            task_status.started()
            while True:
                await listener.wait_readable()
                await trio.lowlevel.checkpoint()
                if listener.behind:
                    listener.skip()
                ends = [event for event in listener.read_nowait(READ) if event.kind in spans.ENDS]
                if ends and self.endpoint:
                    self._exporter.put(await self._store.read_slow(partial(self._of, ends=ends)))

    def _of(self, conn: sqlite3.Connection, ends: list[Event]) -> list[Span]:
        return [span for end in ends for span in self._of_one(conn, end)]

    def _of_one(self, conn: sqlite3.Connection, end: Event) -> list[Span]:
        number: Any = end.data["job"]
        if (job := table.job(conn, number)) is None:
            return []
        events = eventlog.after(conn, 0, LONGEST, number)
        return spans.of_attempt(job, end, events, self._origin.epoch)
