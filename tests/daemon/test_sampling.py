"""What the machine does, read from /proc, and said to those who asked for it by name."""

from collections.abc import Callable
from typing import Any

import pytest
import trio

from labd.api.node import Event
from labd.daemon import sampling
from labd.daemon.events import Bus
from labd.daemon.sampling import Sampler
from tests.support import wait_until_async


async def no_older(seq: int, limit: int) -> list[Event]:
    return []


STAT = "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3\n"


def test_ticks_and_the_part_that_worked():
    before = sampling.processor_ticks(STAT)
    assert before == (150, 1000)
    assert sampling.busy(before, (200, 1100)) == 0.5
    assert sampling.busy(before, before) == 0.0


def test_memory():
    assert sampling.memory("MemTotal: 100 kB\nMemFree: 1 kB\nMemAvailable: 40 kB\n") == (102_400, 40_960)


def test_disks_once_each_and_without_those_that_are_gone():
    found = sampling.disks(["/", "/", "/nonexistent"])
    assert [disk["path"] for disk in found] == ["/"]
    assert 0 <= found[0]["free"] <= found[0]["total"]


async def test_it_is_said_only_to_those_who_follow_it_by_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        sampling, "INTERVAL", 0.01
    )  # the real clock: a thread reads, which no other clock sees
    bus, said = Bus(0, no_older), list[dict[str, Any]]()
    tell: Callable[[str, dict[str, Any]], None] = lambda kind, data: said.append(data)  # noqa: E731
    sampler = Sampler(bus, tell, ["/"])
    async with trio.open_nursery() as nursery:
        await nursery.start(sampler.run)
        with bus.listen(), bus.listen(("*",)), bus.listen(("job.*",)):
            await trio.sleep(0.1)
            assert not said
        with bus.listen(("*", "machine.sampled")):
            await wait_until_async(lambda: len(said) >= 3)
        assert said[0]["cpu"] is None
        assert 0 <= said[-1]["cpu"] <= 1
        assert 0 < said[-1]["memory_used"] < said[-1]["memory"]
        nursery.cancel_scope.cancel()


def test_a_sample_reaches_no_one_else():
    bus = Bus(0, no_older)
    with bus.listen() as everybody, bus.listen(("machine.*",)) as named:
        bus.publish_sample(Event(0, 0.0, sampling.KIND, "labd", "", {}))
        assert not everybody.read_nowait(10)
        assert [event.kind for event in named.read_nowait(10)] == [sampling.KIND]
