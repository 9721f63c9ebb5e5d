"""What the node of labd.testing has beyond the API: outcomes, virtual time, a full disk, GPUs that fail."""

import math

import msgspec
import pytest
import trio
import trio.testing

from labd.api import Conflict, JobKind, JobSpec, Refused, StateError, StoreUnavailable, hookimpl
from labd.testing import Clock, Devices, Node, Outcome

TRUE = JobSpec(argv=("true",))


async def test_jobs_succeed_at_once_unless_the_test_says_otherwise(labd_node):
    labd_node.jobs.script(Outcome(exit_code=3), Outcome(signal=9))
    labd_node.jobs.script(Outcome(reason="lost"), name="train")
    found = [
        await labd_node.jobs.submit(msgspec.structs.replace(TRUE, name=n)) for n in ("", "train", "", "")
    ]
    ended = [await labd_node.jobs.wait(job.id) for job in found]
    assert [(j.state, j.exit_code, j.signal) for j in ended] == [
        ("failed", 3, None), ("lost", None, None), ("failed", None, 9), ("succeeded", 0, None),
    ]  # fmt: skip
    labd_node.jobs.otherwise(Outcome(exit_code=1))
    job = await labd_node.jobs.submit(TRUE)
    assert (await labd_node.jobs.wait(job.id)).state == "failed"


async def test_a_job_takes_virtual_time(labd_node, autojump_clock):
    labd_node.jobs.script(Outcome(seconds=3600))
    job = await labd_node.jobs.submit(TRUE)
    ended = await labd_node.jobs.wait(job.id)
    assert trio.current_time() == 3600
    assert ended.ended - ended.started == 3600


async def test_a_time_limit_ends_it(labd_node, autojump_clock):
    labd_node.jobs.script(Outcome(seconds=math.inf))
    job = await labd_node.jobs.submit(msgspec.structs.replace(TRUE, time_limit=60))
    assert (await labd_node.jobs.wait(job.id)).state == "timed_out"
    assert trio.current_time() == 60


async def test_the_delay_of_a_retry_is_waited_for(labd_node, autojump_clock):
    labd_node.jobs.script(Outcome(exit_code=1))
    job = await labd_node.jobs.submit(msgspec.structs.replace(TRUE, retries=1, retry_delay=30))
    ended = await labd_node.jobs.wait(job.id)
    assert (ended.state, ended.attempt, trio.current_time()) == ("succeeded", 2, 30)


async def test_the_test_ends_a_job_and_what_waits_takes_its_place(labd_node, autojump_clock):
    labd_node.jobs.otherwise(Outcome(seconds=math.inf))
    first, second = [await labd_node.jobs.submit(msgspec.structs.replace(TRUE, gpus=2)) for _ in range(2)]
    await trio.testing.wait_all_tasks_blocked()
    assert (await labd_node.jobs.show(second.id)).waiting_for == "2 GPUs (0 free)"
    labd_node.jobs.report(first.id, progress=0.5, loss=0.25)
    shown = await labd_node.jobs.show(first.id)
    assert (shown.gpu_ids, shown.progress, shown.metrics) == ((0, 1), 0.5, {"loss": 0.25})
    assert (await labd_node.jobs.finish(first.id, Outcome(exit_code=7))).exit_code == 7
    await trio.testing.wait_all_tasks_blocked()
    assert (await labd_node.jobs.show(second.id)).state == "running"
    with pytest.raises(Conflict, match="job 1 is failed, it does not run"):
        await labd_node.jobs.finish(first.id)


async def test_a_held_job_waits_for_its_release(labd_node):
    job = await labd_node.jobs.submit(msgspec.structs.replace(TRUE, hold=True))
    await trio.testing.wait_all_tasks_blocked()
    assert (await labd_node.jobs.show(job.id)).state == "held"
    await labd_node.jobs.release(job.id)
    assert (await labd_node.jobs.wait(job.id)).state == "succeeded"


async def test_no_new_jobs_are_taken_while_the_test_says_so(labd_node):
    labd_node.jobs.refuse("labd is stopping")
    with pytest.raises(Refused, match=r"no new work is taken: labd is stopping"):
        await labd_node.jobs.submit(TRUE)
    labd_node.jobs.refuse("")
    await labd_node.jobs.submit(TRUE)


async def test_a_full_disk_refuses_everything_and_what_ran_is_not_lost(labd_node, autojump_clock):
    labd_node.jobs.script(Outcome(seconds=10))
    job = await labd_node.jobs.submit(TRUE)
    await trio.sleep(1)
    labd_node.disk.fill()
    for refused in (
        labd_node.jobs.submit(TRUE), labd_node.events.publish("plugin.tick", {}), labd_node.blobs.put(b"x"),
    ):  # fmt: skip
        with pytest.raises(StoreUnavailable, match="disk is full"):
            await refused
    await trio.sleep(60)
    assert (await labd_node.jobs.show(job.id)).state == "running"
    labd_node.disk.free()
    assert (await labd_node.jobs.wait(job.id)).state == "succeeded"
    await labd_node.events.publish("plugin.tick", {})


async def test_history_has_all_and_published_what_is_the_plugins_own(labd_node):
    await labd_node.events.publish("plugin.tick", {"n": 1})
    await labd_node.events.happen("other.thing", actor="plugin other", x=2)
    job = await labd_node.jobs.submit(TRUE)
    await labd_node.jobs.wait(job.id)
    assert labd_node.events.published == (("plugin.tick", {"n": 1}),)
    assert [event.kind for event in labd_node.events.history] == [
        "plugin.tick", "other.thing", "job.submitted", "job.starting", "job.started", "job.succeeded",
    ]  # fmt: skip


async def test_what_happens_elsewhere_is_heard(labd_node, nursery):
    heard = trio.Event()

    async def listen():
        async for _ in labd_node.events.subscribe("other.*"):
            heard.set()

    nursery.start_soon(listen)
    await trio.testing.wait_all_tasks_blocked()
    await labd_node.events.happen("other.thing")
    await heard.wait()
    nursery.cancel_scope.cancel()


async def test_a_gpu_that_falls_off_is_given_to_nobody(labd_node, autojump_clock):
    labd_node.devices.lose(0)
    async with labd_node.resources.lease(gpus=1, holder="model") as lease:
        assert lease.gpu_ids == (1,)
        labd_node.devices.spoil(1, "too hot")
    with trio.move_on_after(5) as waited:
        async with labd_node.resources.lease(gpus=1, holder="model"):
            pass
    assert waited.cancelled_caught
    labd_node.devices.mend(0)
    async with labd_node.resources.lease(gpus=1, holder="model") as lease:
        assert lease.gpu_ids == (0,)
    told = [(e.kind, e.data["gpu"], e.data["held_by"], e.cause) for e in labd_node.events.history]
    assert told == [
        ("gpu.gone", 0, "", "its driver does not list it any more"),
        ("gpu.unhealthy", 1, "model #1", "too hot"),
        ("gpu.back", 0, "", ""),
    ]


async def test_a_job_starts_on_a_gpu_that_is_mended(labd_node, autojump_clock):
    for index in (0, 1):
        labd_node.devices.lose(index)
    job = await labd_node.jobs.submit(msgspec.structs.replace(TRUE, gpus=1))
    await trio.testing.wait_all_tasks_blocked()
    assert (await labd_node.jobs.show(job.id)).state == "queued"
    labd_node.devices.mend(1)
    with trio.fail_after(1):
        assert (await labd_node.jobs.wait(job.id)).gpu_ids == (1,)


async def test_a_damaged_blob_is_told_as_such(labd_node):
    for data in (b"weights", b""):
        digest = await labd_node.blobs.put(data)
        labd_node.blobs.damage(digest)
        with pytest.raises(StateError, match="has changed on disk"):
            await labd_node.blobs.get(digest)


def test_the_clock_stands_still_until_it_is_moved(labd_clock):
    wall, boot = labd_clock.wall(), labd_clock.boot()
    labd_clock.advance(5)
    assert (labd_clock.wall(), labd_clock.boot()) == (wall + 5, boot + 5)
    labd_clock.set_wall(1e9)
    assert (labd_clock.wall(), labd_clock.boot()) == (1e9, boot + 5)


async def test_the_clock_wakes_sleepers_and_a_suspend_does_not(labd_clock, mock_clock, nursery):
    woken, boot = trio.Event(), labd_clock.boot()

    async def sleep():
        await trio.sleep(10)
        woken.set()

    nursery.start_soon(sleep)
    await trio.testing.wait_all_tasks_blocked()
    labd_clock.suspend(20)
    await trio.testing.wait_all_tasks_blocked()
    assert not woken.is_set()
    labd_clock.advance(10)
    await woken.wait()
    assert labd_clock.boot() == boot + 30


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    times: int = 1


class Plugin:
    @hookimpl
    def labd_settings(self):
        return Settings

    @hookimpl
    def labd_job_kinds(self, node):
        def build(params, spec):
            return msgspec.structs.replace(spec, argv=("echo", *["hi"] * node.config.times))

        return JobKind("hi", build, Settings)


async def test_the_node_of_a_plugin_has_its_settings_and_kinds():
    node = Node.of(Plugin(), "hi", settings={"times": 2}, clock=Clock(wall=5.0), devices=Devices(gpus=0))
    job = await node.jobs.submit(JobSpec(kind="hi"))
    assert (node.config, job.argv) == (Settings(2), ("echo", "hi", "hi"))
    assert (node.name, node.clock.wall(), node.ledger.capacity.gpus) == ("hi", 5.0, ())


def test_jobs_go_on_in_every_loop_that_asks():
    node = Node()

    async def once():
        return (await node.jobs.wait((await node.jobs.submit(TRUE)).id)).state

    assert [trio.run(once), trio.run(once)] == ["succeeded", "succeeded"]


async def test_a_lease_that_waits_for_a_gpu_gets_it_when_it_is_back(autojump_clock):
    node = Node(devices=Devices(gpus=1))
    node.devices.lose(0)
    got = trio.Event()

    async def hold() -> None:
        async with node.resources.lease(gpus=1, holder="model"):
            got.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hold)
        await trio.testing.wait_all_tasks_blocked()
        assert not got.is_set()
        node.devices.mend(0)
        with trio.fail_after(5):
            await got.wait()
