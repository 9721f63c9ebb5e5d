"""What a plugin is given works, and keeps within the plugin's own name."""

import pytest
import trio
import trio.testing

from labd.daemon.events import Bus
from labd.daemon.node import NodeBlobs, NodeEvents
from labd.errors import NotFound, UsageError
from labd.jobs.queue import Queue
from labd.store.blobs import Blobs
from labd.store.writer import Store
from tests.daemon.build import no_older
from tests.jobs.build import Clocks


async def test_a_plugin_publishes_and_hears_events(tmp_path, nursery):
    store, bus = Store.open(str(tmp_path / "labd.db")), Bus(0, no_older)
    await nursery.start(store.run)
    events = NodeEvents("hello", Queue(store, bus, Clocks()), bus)
    heard = []

    async def listen():
        async for event in events.subscribe("hello.*"):
            heard.append(event)  # noqa: PERF401 - the subscription has no end

    nursery.start_soon(listen)
    await trio.testing.wait_all_tasks_blocked()
    said = await events.publish("hello.tick", {"n": 1}, cause="why")
    with pytest.raises(UsageError, match="plugin hello cannot publish"):
        await events.publish("job.done", {})
    await trio.testing.wait_all_tasks_blocked(0.01)
    assert heard == [said]
    assert (said.actor, said.cause, said.data) == ("plugin hello", "why", {"n": 1})
    nursery.cancel_scope.cancel()


async def test_a_plugin_keeps_bytes_under_their_digest(tmp_path):
    blobs = NodeBlobs(Blobs(str(tmp_path / "blobs")), trio.CapacityLimiter(1))
    digest = await blobs.put(b"weights")
    assert await blobs.get(digest) == b"weights"
    with pytest.raises(NotFound):
        await blobs.get("0" * 64)
