"""The service: follows the log from where it was, notes what is owed, and delivers it.

What is owed and how far the log was looked through go to the disk together, so that neither a kill nor a
long time without a daemon loses a notice. A kill between a delivery and its note makes it come twice,
with the same id.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import trio

from labd.api.node import Event
from labd.config.notify import Notify
from labd.daemon.events import Bus
from labd.daemon.notices import outbox
from labd.daemon.notices.lanes import Lanes
from labd.daemon.notices.outbox import Owed
from labd.daemon.notices.owed import KINDS, Notice, Origin, delay_after, owed
from labd.daemon.notices.senders import Senders
from labd.errors import StoreUnavailable
from labd.jobs import decide, table
from labd.jobs.decide import Clocks, Draft
from labd.jobs.queue import Queue
from labd.store.writer import Store

log = logging.getLogger("labd.notices")

T = TypeVar("T")

READ = 64
LAZY = 1000
"""Events that owe nothing and may be looked at again after a restart: a write for each would be waste."""

GATHERED = 0.05
"""Seconds in which events come together: whose job wants a notice is looked up once for all of them."""

PATIENCE = 1.0
"""Seconds between tries to note something while nothing can be stored."""


class Notices:
    """Everything that labd owes to targets. *senders* deliver."""

    def __init__(
        self, store: Store, queue: Queue, bus: Bus, clocks: Clocks, senders: Senders, origin: Origin
    ) -> None:
        self._store = store
        self._queue = queue
        self._bus = bus
        self._clocks = clocks
        self.senders = senders
        self.origin = origin
        self.settings = Notify()
        self.errors: dict[str, str] = {}
        self._lanes = Lanes(self._deliver, clocks.boot)
        self._saved = 0

    def configure(self, settings: Notify) -> None:
        """Take up the configuration, and try at once what could not be delivered before."""
        self.settings, self.senders.targets = settings, settings.targets
        self._lanes.hurry()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            found = self._store.read(outbox.waiting)
            task_status.started()
            left = partial(decide.seconds_until_ready, clocks=self._clocks)
            self._lanes.add(nursery, [(one.target, one.number, left(one)) for one in found])
            await self._follow(nursery)

    def waiting(self) -> Mapping[str, int]:
        """How many notices are owed to each target."""
        return self._store.read(outbox.counts)

    # -- noting what is owed ---------------------------------------------------------------------

    async def _follow(self, nursery: trio.Nursery) -> None:
        self._saved = self._store.read(outbox.seen)
        with self._bus.listen(("job.*",), self._saved) as listener:
            while True:
                await trio.lowlevel.checkpoint()
                await listener.wait_readable()
                await trio.sleep(GATHERED)
                events = await listener.read_older(READ) if listener.behind else listener.read_nowait(READ)
                listener.transient.clear()
                notices = self._owed([event for event in events if event.kind in KINDS])
                if notices or listener.cursor >= self._saved + LAZY:
                    await self._note(nursery, notices, listener.cursor)

    def _owed(self, events: list[Event]) -> list[Notice]:
        ids = sorted({event.data["job"] for event in events})
        found = self._store.read(lambda conn: table.notifying(conn, ids)) if ids else []
        jobs = {job.id: job for job in found}
        return [
            notice
            for event in events
            if event.data["job"] in jobs
            for notice in owed(event, jobs[event.data["job"]], self.origin)
        ]

    async def _note(self, nursery: trio.Nursery, notices: list[Notice], cursor: int) -> None:
        put = partial(outbox.put, notices=notices, cursor=cursor)
        numbers = await patiently(lambda: self._store.write(put))
        self._saved = cursor
        self._lanes.add(
            nursery, [(one.target, number, 0.0) for one, number in zip(notices, numbers, strict=True)]
        )

    # -- delivering ------------------------------------------------------------------------------

    async def _deliver(self, number: int) -> float | None:
        """Try it once; seconds until the next try, None when there is none."""
        found = self._store.read(lambda conn: outbox.get(conn, number))
        if found is None:
            return None
        error = await self.senders.send(found.target, found.message)
        self.errors[found.target] = error
        tries = found.tries + 1
        if error and tries < self.settings.tries:
            return await self._put_off(found, tries, error)
        await patiently(lambda: self._done(found, tries, error))
        return None

    async def _put_off(self, found: Owed, tries: int, error: str) -> float:
        delay = delay_after(tries, self.settings.retry_delay)
        log.info("%s could not be told (try %d), next in %g s: %s", found.target, tries, delay, error)
        ready = decide.ready_in(delay, self._clocks)
        await patiently(
            lambda: self._store.write(lambda conn: outbox.put_off(conn, found.number, tries, ready))
        )
        return delay

    async def _done(self, found: Owed, tries: int, error: str) -> None:
        """It was delivered, or is given up: the event that says so and the end of the debt are one change."""
        event = found.message["event"]
        data: dict[str, Any] = {
            "job": found.message["job"]["id"], "notice": found.id, "target": found.target,
            "event": event["kind"], "tries": tries,
        }  # fmt: skip
        if error:
            log.warning("%s is not told, given up after %d tries: %s", found.target, tries, error)
        draft = Draft("notify.failed" if error else "notify.sent", data, cause=error)
        await self._queue.commit([draft], lambda conn: outbox.drop(conn, found.number))


async def patiently(write: Callable[[], Awaitable[T]]) -> T:
    """What *write* gives, as soon as things can be stored."""
    while True:
        try:
            return await write()
        except StoreUnavailable:
            await trio.sleep(PATIENCE)
