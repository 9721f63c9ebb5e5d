"""What is owed survives: the service over a real store, with targets that a test makes."""

import sqlite3
from contextlib import asynccontextmanager

import trio
import trio.testing

from labd.api.jobs import JobSpec, Notify
from labd.config import Notify as Settings
from labd.daemon.events import Bus
from labd.daemon.notices import outbox
from labd.daemon.notices.owed import Origin
from labd.daemon.notices.service import LAZY, Notices
from labd.jobs.decide import Draft
from labd.jobs.queue import Queue
from labd.store import eventlog
from labd.store.writer import Store
from tests.jobs.build import ALICE, Clocks
from tests.support import wait_until_async


class Receivers:
    """Stands in for the senders: keeps what it is sent, unless it is to say *error*."""

    def __init__(self, error=""):
        self.error, self.got, self.targets = error, [], {}

    async def send(self, target, message):
        self.got.append((trio.current_time(), message["id"], message["event"]["kind"]))
        return self.error


class Life:
    """One daemon's part of it: a store, a queue, a bus, and the service when it is asked for."""

    def __init__(self, path, receivers, settings):
        self.store = Store.open(str(path / "labd.db"))
        self.bus = Bus(self.store.read(eventlog.bounds)[1], self._older)
        clocks = Clocks()
        clocks.boot = trio.current_time
        self.queue = Queue(self.store, self.bus, clocks)
        self.queue.load()
        self.notices = Notices(self.store, self.queue, self.bus, clocks, receivers, Origin("lab1", "e1"))
        self.notices.configure(settings)

    async def _older(self, seq, limit):
        return self.store.read(lambda conn: eventlog.after(conn, seq, limit))

    async def submit(self, *wishes):
        spec = JobSpec(argv=("true",), cpus=1.0, memory=0, grace=1.0, notify=tuple(wishes))
        return (await self.queue.submit(spec, ALICE, None))[0].id

    async def end(self, job):
        started = {"job": job, "attempt": 1, "started": 1.0}
        starting = {"job": job, "attempt": 1, "token": "t", "gpu_ids": []}
        drafts = [Draft("job.starting", starting), Draft("job.started", started)]
        await self.queue.commit([*drafts, Draft("job.failed", {"job": job, "attempt": 1, "exit_code": 1})])

    def kinds(self):
        events = self.store.read(lambda conn: eventlog.after(conn, 0, 10_000))
        return [event.kind for event in events if event.kind.startswith("notify.")]

    def owed(self):
        return [(one.id, one.tries) for one in self.store.read(outbox.waiting)]


@asynccontextmanager
async def a_life(path, receivers, service=True, **settings):
    life = Life(path, receivers, Settings(**settings))
    async with trio.open_nursery() as nursery:
        await nursery.start(life.store.run)
        if service:
            await nursery.start(life.notices.run)
        yield life
        nursery.cancel_scope.cancel()


async def settle():
    """Let everything happen that can happen now; the store's thread is outside virtual time."""
    for _ in range(20):
        await trio.to_thread.run_sync(lambda: None)
        await trio.testing.wait_all_tasks_blocked(0.01)


async def test_an_end_is_told_once_and_is_owed_no_more(tmp_path):
    receivers = Receivers()
    async with a_life(tmp_path, receivers) as life:
        await life.end(await life.submit(Notify("chat")))
        await life.end(await life.submit())
        await settle()
        assert [(number, kind) for _, number, kind in receivers.got] == [("e1-4-chat", "job.failed")]
        assert (life.owed(), life.kinds()) == ([], ["notify.sent"])


async def test_what_happened_while_nobody_looked_is_told_by_the_next(tmp_path):
    receivers = Receivers()
    async with a_life(tmp_path, receivers, service=False) as life:
        await life.end(await life.submit(Notify("chat"), Notify("chat", "started")))
    assert receivers.got == []
    for _ in range(2):
        async with a_life(tmp_path, receivers) as life:
            await settle()
    assert [number for _, number, _ in receivers.got] == ["e1-3-chat", "e1-4-chat"]


async def test_a_kill_between_delivery_and_its_note_makes_it_come_again_with_the_same_id(tmp_path):
    receivers = Receivers()
    arrived = trio.Event()

    async def send(target, message):
        receivers.got.append(message["id"])
        arrived.set()
        await trio.sleep_forever()

    receivers.send, usual = send, receivers.send
    async with a_life(tmp_path, receivers) as life:
        await life.end(await life.submit(Notify("chat")))
        await arrived.wait()
    receivers.send = usual
    async with a_life(tmp_path, receivers) as life:
        await settle()
    assert [one if isinstance(one, str) else one[1] for one in receivers.got] == ["e1-4-chat"] * 2


async def test_what_cannot_be_told_is_given_up_and_that_is_an_event(tmp_path):
    receivers = Receivers("it answered 500")
    async with a_life(tmp_path, receivers, tries=3, retry_delay=0.01) as life:
        await life.end(await life.submit(Notify("chat")))
        with trio.fail_after(10):
            while not life.kinds():
                await settle()
        assert len(receivers.got) == 3
        assert (life.owed(), life.kinds()) == ([], ["notify.failed"])
        [failed] = [e for e in life.bus.after(0, 100) if e.kind == "notify.failed"]
        assert failed.cause == "it answered 500"
        assert failed.data == {
            "job": 1, "notice": "e1-4-chat", "target": "chat", "event": "job.failed", "tries": 3,
        }  # fmt: skip


async def test_tries_are_counted_over_restarts(tmp_path):
    receivers = Receivers("down")
    async with a_life(tmp_path, receivers, retry_delay=1000.0) as life:
        await life.end(await life.submit(Notify("chat")))
        await settle()
        assert life.owed() == [("e1-4-chat", 1)]
    async with a_life(tmp_path, receivers, tries=2, retry_delay=1000.0) as life:
        life.notices.configure(Settings(tries=2))  # a reload tries at once
        await settle()
        assert (life.owed(), life.kinds()) == ([], ["notify.failed"])


async def test_events_that_owe_nothing_cost_no_writes(tmp_path):
    async with a_life(tmp_path, Receivers()) as life:
        for _ in range(10):
            await life.submit()
        await settle()
        assert life.store.read(outbox.seen) == 0
        await life.queue.commit([Draft("daemon.tick", {})] * LAZY)
        await life.submit()
        await wait_until_async(lambda: life.store.read(outbox.seen) >= LAZY)


def test_an_upgrade_owes_nothing_for_what_was_before(tmp_path):
    from labd.store.schema import FIRST, MIGRATIONS

    Store.open(str(tmp_path / "labd.db"), migrations=(FIRST,)).close()
    with sqlite3.connect(tmp_path / "labd.db") as connection:
        connection.execute("insert into events(seq, time, kind) values(7, 0, 'job.submitted')")
    store = Store.open(str(tmp_path / "labd.db"), migrations=MIGRATIONS)
    assert store.read(outbox.seen) == 7
    store.close()
