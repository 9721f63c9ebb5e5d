"""One map as the daemon holds it: its record, its files, and what waits for it."""

import trio

from labd.plugins.fanout.dispatch import Dispatch
from labd.plugins.fanout.files import Growing
from labd.plugins.fanout.folder import Folder, Grown
from labd.plugins.fanout.model import MapView, Record
from labd.plugins.fanout.running import Running


class Map:
    """A map. ``running`` stays after its end, for its numbers; ``scope`` is there while it runs,
    ``leaving`` while what an engine still has of it is ended.
    """

    def __init__(self, record: Record, folder: Folder) -> None:
        self.record, self.folder = record, folder
        self.grown: Grown | None = None
        self.running: Running | Dispatch | None = None
        self.leaving: trio.CancelScope | None = None
        self.scope: trio.CancelScope | None = None
        self.cancelled: str | None = None
        self.news = trio.Event()

    @property
    def succeeded(self) -> int:
        return self.running.todo.good if self.running else self.record.succeeded

    @property
    def failed(self) -> int:
        return self.running.todo.bad if self.running else self.record.failed

    def changed(self) -> None:
        """Wake whoever waits for something new."""
        self.news.set()
        self.news = trio.Event()

    async def wait_changed(self) -> None:
        await self.news.wait()

    async def wait_ended(self) -> None:
        while self.record.live:
            await self.wait_changed()

    def file(self, name: str) -> Growing:
        """Its ``results`` or ``logs``; blocks where it has not run since labd started."""
        if self.grown is None:
            self.grown = self.folder.grown()
        found: Growing = getattr(self.grown, name)
        return found

    def eta(self, now: float) -> float | None:
        """Seconds that it still takes, as far as anybody can say."""
        if self.running is None or not self.record.live:
            return None
        return self.running.progress.eta(now, self.record.total - self.running.todo.done)

    def view(self, now: float) -> MapView:
        """How it stands *now*, by a steady clock."""
        record, spec, running = self.record, self.record.spec, self.running
        live = running if record.live else None
        repeated = running.todo.repeated if running else record.repeated
        return MapView(
            id=record.id, name=spec.name, function=spec.function, state=record.state, user=record.user,
            uid=record.uid, total=record.total, succeeded=self.succeeded, failed=self.failed,
            in_work=live.todo.in_work if live else 0, repeated=repeated,
            workers=live.workers if live else 0,
            rate=live.progress.rate(now) if live else None, eta=self.eta(now),
            created=record.created, ended=record.ended,
            reason=live.trouble if live else record.reason, error=record.error,
            round=record.round, grouped_results=spec.grouped_results, engine=spec.engine,
        )  # fmt: skip

    def close(self) -> None:
        """It has ended: nothing is written any more."""
        if self.running is not None:
            self.running = None
        for file in self.grown or ():
            file.close()
