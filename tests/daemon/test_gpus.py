"""The service keeps the ledger at what the drivers say, and tells of what has changed."""

from contextlib import closing

import pytest
import trio
import trio.testing

from labd.config.model import Resources
from labd.daemon.gpus import GpuWatch, keep_indices, kept_indices
from labd.resources.inventory import Answer, Inventory, Row
from labd.resources.ledger import MILLI, Capacity, Ledger, Request

A, B = (Row("nvidia", n, f"GPU-{n}", "H200", 100) for n in (0, 1))
SETTINGS = Resources(gpu_probe="/bin/list-gpus")


class Script:
    """Answers in turn; the last one again and again."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.asked = list(answers), 0

    async def ask(self, command, timeout: float) -> Answer:
        await trio.lowlevel.checkpoint()
        assert (list(command), timeout) == (["/bin/list-gpus"], 10.0)
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class House:
    def __init__(self, *answers: Answer, settings: Resources = SETTINGS) -> None:
        self.ledger, self.script = Ledger(Capacity(MILLI, 0)), Script(*answers)
        self.events, self.kept, self.kicks = [], {}, 0
        self.watch = GpuWatch(
            Inventory(), self.ledger, settings, self.events.extend, self.kick, self.kept.update, self.script
        )

    def kick(self) -> None:
        self.kicks += 1

    @property
    def told(self):
        return [(e.kind, e.data["gpu"], e.data["held_by"]) for e in self.events]


async def test_a_gpu_that_vanishes_and_comes_back_is_told_of(nursery, autojump_clock):
    house = House(Answer((A, B)), Answer((A,)), Answer((A,)), Answer((A,), "late"), Answer((A, B)))
    await nursery.start(house.watch.run)
    assert house.ledger.capacity.gpus == (0, 1)
    assert house.kept == {"GPU-0": 0, "GPU-1": 1}
    house.ledger.take_nowait("job 7", Request(gpu_ids=(1,)))
    await trio.sleep(61)
    assert house.told == [("gpu.gone", 1, "job 7")]
    assert house.events[0].cause == "its driver does not list it any more"
    assert house.ledger.missing(Request(gpu_ids=(1,))).startswith("GPU 1 (gone")
    await trio.sleep(240)
    assert house.told == [("gpu.gone", 1, "job 7"), ("gpu.back", 1, "job 7")]
    assert house.ledger.holds("job 7")
    assert house.kicks >= 5


async def test_settings_count_at_once_and_the_drivers_are_asked_anew(nursery, autojump_clock):
    house = House(Answer((A, B)))
    await nursery.start(house.watch.run)
    house.watch.configure(Resources(gpus=[1, 5], gpu_probe="/bin/list-gpus", gpu_memory=7))
    assert [(d.index, d.memory) for d in house.ledger.capacity.devices] == [(1, 100), (5, 7)]
    await trio.testing.wait_all_tasks_blocked()
    assert house.script.asked == 2
    house.watch.configure(Resources(gpus="none", gpu_probe="/bin/list-gpus"))
    await trio.sleep(3600)
    assert (house.ledger.capacity.gpus, house.script.asked) == ((), 2)


async def test_of_gpus_that_are_not_handed_out_nothing_is_told(nursery, autojump_clock):
    settings = Resources(gpus=[0], gpu_probe="/bin/list-gpus")
    house = House(Answer((A, B)), Answer((A,)), settings=settings)
    await nursery.start(house.watch.run)
    await trio.sleep(61)
    assert (house.events, house.script.asked) == ([], 2)


async def test_on_a_machine_without_a_driver_nobody_is_asked(nursery, autojump_clock, monkeypatch):
    monkeypatch.setattr("labd.resources.drivers.present", lambda: False)
    house = House(Answer(), settings=Resources(gpus=[0]))
    await nursery.start(house.watch.run)
    assert (house.script.asked, house.ledger.capacity.gpus) == (0, (0,))


@pytest.mark.parametrize(("boot", "found"), [("this", {"GPU-a": 3}), ("next", {})])
def test_indices_are_kept_as_long_as_the_machine_is_up(boot, found):
    import sqlite3

    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("create table meta (key text primary key, value)")
        assert kept_indices(connection, "this") == {}
        keep_indices(connection, "this", {"GPU-a": 3})
        assert kept_indices(connection, boot) == found
