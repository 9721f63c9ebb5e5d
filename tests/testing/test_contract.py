"""What a plugin's node does, asked of the one in a daemon and of its twin in labd.testing alike."""

import inspect
import logging
import tempfile
from contextlib import aclosing
from pathlib import Path

import pytest
import trio

from labd.api import Conflict, JobSpec, NotFound, Refused, UsageError
from labd.api import node as api
from labd.testing import Node, Outcome
from tests.testing.real_node import a_real_node

GIB = 1 << 30

SHELL = {"exit 0": Outcome(), "exit 3": Outcome(exit_code=3), "sleep 600": Outcome(seconds=600)}
"""What a job does in earnest, and how it goes in the twin."""


class World:
    """A node, and jobs of which the test knows what becomes of them."""

    def __init__(self, node, real):
        self.node, self.real = node, real

    def job(self, does, **spec):
        if not self.real:
            self.node.jobs.script(SHELL[does])
        return JobSpec(argv=("/bin/sh", "-c", does), cwd="/", env={"PATH": "/usr/bin:/bin"}, cpus=1, **spec)


@pytest.fixture(params=[pytest.param("real", marks=pytest.mark.real), "twin"])
async def world(request, monkeypatch):
    if request.param == "twin":
        yield World(Node("hello"), real=False)
        return
    with tempfile.TemporaryDirectory(prefix="labd-", dir="/tmp") as folder:
        async with a_real_node(Path(folder), monkeypatch) as node:
            yield World(node, real=True)


@pytest.fixture
def node(world):
    return world.node


def members(protocol):
    return [name for name in vars(protocol) if not name.startswith("_")]


async def test_it_has_every_member_of_the_api(node):
    assert not [name for name in members(api.Node) if not hasattr(node, name)]
    assert (node.name, node.config, node.log) == ("hello", None, logging.getLogger("labd.plugin.hello"))


@pytest.mark.parametrize("part", ["jobs", "resources", "events", "blobs", "methods", "clock"])
async def test_every_part_takes_what_the_api_says(node, part):
    protocol = getattr(api, part.capitalize())
    for name in members(protocol):
        wanted = inspect.signature(getattr(protocol, name)).parameters
        taken = dict(inspect.signature(getattr(type(getattr(node, part)), name)).parameters)
        assert {n: (p.kind, p.default) for n, p in wanted.items()}.items() <= {
            n: (p.kind, p.default) for n, p in taken.items()
        }.items(), f"{part}.{name}"


async def test_a_job_runs_to_its_end(world, node):
    job = await node.jobs.submit(world.job("exit 0", name="first"))
    assert (job.id, job.name, job.kind, job.cwd, job.started) == (1, "first", "command", "/", None)
    ended = await node.jobs.wait(job.id)
    assert (ended.state, ended.exit_code, ended.signal, ended.attempt) == ("succeeded", 0, None, 1)
    assert ended.submitted <= ended.started <= ended.ended
    assert await node.jobs.show(job.id) == ended


async def test_a_job_fails_with_its_code(world, node):
    job = await node.jobs.submit(world.job("exit 3"))
    ended = await node.jobs.wait(job.id)
    assert (ended.state, ended.exit_code, ended.reason) == ("failed", 3, "exit code 3")


async def test_a_retry_is_another_attempt(world, node):
    if not world.real:
        node.jobs.script(Outcome(exit_code=3))
    job = await node.jobs.submit(world.job("exit 3", retries=1))
    ended = await node.jobs.wait(job.id)
    assert (ended.state, ended.attempt) == ("failed", 2)


async def test_a_running_job_is_cancelled(world, node):
    job = await node.jobs.submit(world.job("sleep 600"))
    async with aclosing(node.events.subscribe("job.started")) as started:
        assert (await anext(started)).data["job"] == job.id
    await node.jobs.cancel(job.id, reason="enough")
    ended = await node.jobs.wait(job.id)
    assert (ended.state, ended.signal, ended.exit_code, ended.reason) == ("cancelled", 15, None, "enough")
    with pytest.raises(Conflict, match="has ended already: cancelled"):
        await node.jobs.cancel(job.id)


async def test_a_waiting_job_is_cancelled_at_once(world, node):
    job = await node.jobs.submit(world.job("exit 0", hold=True))
    assert job.state == "held"
    assert (await node.jobs.cancel(job.id)).state == "cancelled"


async def test_a_job_that_waits_for_a_failed_one_is_cancelled(world, node):
    first = await node.jobs.submit(world.job("exit 3"))
    second = await node.jobs.submit(world.job("exit 0", after=({"job": first.id, "when": "ok"},)))
    assert (await node.jobs.wait(second.id)).state == "cancelled"


async def test_the_same_key_gives_the_same_job(world, node):
    one = await node.jobs.submit(world.job("exit 0"), key="k")
    two = await node.jobs.submit(world.job("exit 0"), key="k")
    assert one.id == two.id


async def test_jobs_that_are_wrong_or_missing_are_refused_by_name(world, node):
    with pytest.raises(UsageError, match="argv is empty"):
        await node.jobs.submit(JobSpec())
    with pytest.raises(UsageError, match="no job kind 'hi'"):
        await node.jobs.submit(JobSpec(kind="hi"))
    with pytest.raises(Refused, match="can never start here: 9 GPUs asked"):
        await node.jobs.submit(world.job("exit 0", gpus=9))
    with pytest.raises(UsageError, match=r"this is no job: Expected `array`, got `str` - at `\$.argv`"):
        await node.jobs.submit(JobSpec(argv="true"))
    for ask in (node.jobs.show, node.jobs.wait, node.jobs.cancel):
        with pytest.raises(NotFound, match="there is no job 77"):
            await ask(77)


async def test_events_are_numbered_and_named_after_their_plugin(node):
    one = await node.events.publish("hello.tick", {"n": [1, 2], 3: 4}, cause="why")
    two = await node.events.publish("hello.tick", {})
    assert (one.kind, one.actor, one.cause, one.data) == (
        "hello.tick",
        "plugin hello",
        "why",
        {"n": [1, 2], "3": 4},
    )
    assert two.seq == one.seq + 1
    with pytest.raises(UsageError, match=r"plugin hello cannot publish 'other.tick'"):
        await node.events.publish("other.tick", {})


async def test_a_subscriber_hears_what_it_asked_for(node, nursery):
    heard, ready = [], trio.Event()

    async def listen(*topics):
        async for event in node.events.subscribe(*topics):
            heard.append(event.kind)
            ready.set()

    await node.events.publish("hello.before", {})
    nursery.start_soon(listen, "hello.w*")
    await trio.testing.wait_all_tasks_blocked()
    for what in ("no", "wanted"):
        await node.events.publish(f"hello.{what}", {})
    await ready.wait()
    assert heard == ["hello.wanted"]


async def test_a_lease_waits_for_what_another_holds(node, nursery):
    order, held = [], trio.Event()

    async def second():
        async with node.resources.lease(gpus=1, holder="second") as lease:
            order.append(("second", lease.gpu_ids))
            held.set()

    async with node.resources.lease(cpus=2, gpus=2, holder="first") as lease:
        order.append(("first", lease.gpu_ids))
        nursery.start_soon(second)
        await trio.testing.wait_all_tasks_blocked()
    await held.wait()
    assert order == [("first", (0, 1)), ("second", (0,))]


async def test_two_may_share_a_gpu_by_its_memory(node):
    async with (
        node.resources.lease(vram=10 * GIB, holder="a") as one,
        node.resources.lease(gpus=0.5, holder="b") as two,
    ):
        assert one.gpu_ids == two.gpu_ids == (0,)


async def test_what_the_machine_has_not_is_refused(node):
    with pytest.raises(Refused, match="model asks for what this machine does not have: 3 GPUs"):
        async with node.resources.lease(gpus=3, holder="model"):
            pass


async def test_a_job_waits_for_what_a_lease_holds(world, node):
    async with node.resources.lease(cpus=8, holder="model"):
        job = await node.jobs.submit(world.job("exit 0"))
        await trio.testing.wait_all_tasks_blocked()
        assert (await node.jobs.show(job.id)).waiting_for == "1 core (0 free)"
    assert (await node.jobs.wait(job.id)).state == "succeeded"


async def test_blobs_are_kept_under_their_digest(node):
    digest = await node.blobs.put(b"weights")
    assert digest == await node.blobs.put(b"weights")
    assert await node.blobs.get(digest) == b"weights"
    with pytest.raises(NotFound, match="no blob 0000"):
        await node.blobs.get("0" * 64)
    with pytest.raises(UsageError, match="'weights' is not a blob's digest"):
        await node.blobs.get("weights")


async def test_clocks_go_forward(node):
    assert node.clock.wall() > 1.6e9
    first = node.clock.boot()
    assert node.clock.boot() >= first > 0
