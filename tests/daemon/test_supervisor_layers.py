import pytest
import trio

from labd.api import Restart, Service, ServiceState
from labd.daemon.layers import run_layers
from labd.daemon.supervisor import ServiceGaveUp, Supervisor


class House:
    """Services that write down when they come and go, and a supervisor for them."""

    def __init__(self):
        self.diary = []
        self.reasons = set()
        self.stuck = ()

    def service(self, name, *, start=1.0, goodbye=0.0, critical=True, **restart):
        async def run(*, task_status):
            await trio.sleep(start)
            self.diary.append(f"+{name}")
            task_status.started()
            try:
                await trio.sleep_forever()
            except trio.Cancelled as cancelled:
                self.reasons.add(str(cancelled).partition("reason ")[2].strip("'\""))
                with trio.move_on_after(goodbye, shield=True):
                    await trio.sleep_forever()
                self.diary.append(f"-{name}")
                raise

        return Service(name, run, Restart(**restart), critical)

    async def run(self, layers, *, until=50.0, **options):
        with trio.move_on_after(until):
            async with trio.open_nursery() as nursery:
                self.supervisor = Supervisor(nursery, jitter=lambda: 1.0)
                await run_layers(self.supervisor, layers, ready=lambda: self.diary.append("READY"), **options)

    @property
    def ended(self):
        return trio.current_time()


@pytest.fixture
def house():
    return House()


async def test_layers_start_inwards_and_stop_outwards(autojump_clock, house):
    s = house.service
    await house.run([[s("store")], [s("queue", goodbye=2)], [s("api", start=5)]])
    assert house.diary == ["+store", "+queue", "+api", "READY", "-api", "-queue", "-store"]
    assert house.ended == pytest.approx(52)


async def test_services_of_one_layer_start_and_stop_together(autojump_clock, house):
    s = house.service
    await house.run([[s("a", goodbye=3), s("b", goodbye=3)], [s("c")]])
    assert house.ended == pytest.approx(53)


async def test_the_reason_of_the_stop_reaches_every_service(autojump_clock, house):
    await house.run([[house.service("a")], [house.service("b")]], stop_reason=lambda: "SIGTERM")
    assert len(house.reasons) == 1
    assert "SIGTERM" in house.reasons.pop()


async def test_a_layer_that_does_not_stop_in_time_does_not_hold_up_the_next(autojump_clock, house):
    s = house.service
    layers = [[s("store")], [s("gpu", goodbye=60, stop_timeout=4)], [s("api")]]
    times = []
    await house.run(layers, stuck=lambda names: times.append((trio.current_time(), names)))
    assert house.diary[-2:] == ["-store", "-gpu"]
    assert times == [(pytest.approx(54), ("gpu",))]


async def test_plugins_do_not_hold_up_readiness_for_longer_than_patience(autojump_clock, house):
    s = house.service
    plugin = ("hello", s("hello-slow", start=20, critical=False))
    await house.run([[s("store")], [plugin], [s("api")]], patience=5)
    assert house.diary[:4] == ["+store", "+api", "READY", "+hello-slow"]
    assert house.supervisor.record("hello-slow").owner == "hello"


async def test_a_plugin_that_fails_does_not_hold_up_readiness_at_all(autojump_clock, house):
    async def broken(*, task_status):
        raise ImportError("no tensorflow")

    await house.run([[("bad", Service("bad", broken))], [house.service("api", start=0)]], until=0.4)
    assert house.diary == ["+api", "READY", "-api"]


async def test_a_critical_service_that_gives_up_stops_the_rest_in_order(autojump_clock, house):
    async def broken(*, task_status):
        task_status.started()
        await trio.sleep(10)
        raise OSError("disk on fire")

    jobs = Service("jobs", broken, Restart(burst=0), critical=True)
    with pytest.RaisesGroup(pytest.RaisesExc(ServiceGaveUp, match="disk on fire")):
        await house.run([[house.service("store")], [jobs], [house.service("api")]])
    assert house.diary == ["+store", "+api", "READY", "-api", "-store"]


async def test_a_critical_service_that_gives_up_at_the_start_lets_nothing_more_start(autojump_clock, house):
    async def broken(*, task_status):
        raise OSError("no disk")

    store = Service("store", broken, Restart(when="never"), critical=True)
    with pytest.RaisesGroup(pytest.RaisesExc(ServiceGaveUp, match="no disk")):
        await house.run([[store], [house.service("api", start=0)]])
    assert house.diary == []


async def test_services_started_at_run_time_stop_first(autojump_clock, house, nursery):
    async def add():
        await trio.sleep(10)
        record = house.supervisor.start(house.service("late", critical=False), "hello")
        await record.wait_for(ServiceState.READY)

    nursery.start_soon(add)
    await house.run([[house.service("store")], [house.service("api", goodbye=1)]])
    assert house.diary[-3:] == ["-late", "-api", "-store"]


async def test_stopping_during_the_start_stops_what_has_started(autojump_clock, house):
    s = house.service
    await house.run([[s("store")], [s("jobs", start=100)], [s("api")]], until=30)
    assert house.diary == ["+store", "-store"]
    assert house.ended == pytest.approx(30)


async def test_hurry_shortens_the_layers_to_come(autojump_clock, house, nursery):
    async def impatient():
        await trio.sleep(53)
        house.supervisor.hurry()

    nursery.start_soon(impatient)
    s = house.service
    stuck = []
    await house.run([[s("a", goodbye=40, stop_timeout=30)], [s("b", goodbye=40, stop_timeout=30)]],
                    stuck=lambda names: stuck.append(trio.current_time()))  # fmt: skip
    assert stuck == [pytest.approx(55)]
