import pytest
import trio

from labd.api import Restart, Service, ServiceState
from labd.daemon.owner import OWNER
from labd.daemon.supervisor import ServiceGaveUp, Supervisor
from labd.errors import Conflict, NotFound

READY, BACKOFF, FAILED, STOPPED = (
    ServiceState.READY,
    ServiceState.BACKOFF,
    ServiceState.FAILED,
    ServiceState.STOPPED,
)


class Flaky:
    """A service that fails *failures* times, *after* seconds each, and then runs for ever."""

    def __init__(self, failures=10**9, after=0.0, error=None):
        self.failures, self.after, self.error = failures, after, error or OSError("crash")
        self.starts = []

    async def run(self, *, task_status):
        self.starts.append(trio.current_time())
        task_status.started()
        await trio.sleep(self.after)
        if len(self.starts) <= self.failures:
            raise self.error
        await trio.sleep_forever()

    @property
    def gaps(self):
        return [round(b - a, 6) for a, b in zip(self.starts, self.starts[1:], strict=False)]


def service(run, name="it", critical=False, **restart):
    return Service(name, run, Restart(**restart), critical)


@pytest.fixture
def supervisor(nursery):
    return Supervisor(nursery, jitter=lambda: 1.0, now=trio.current_time)


async def idle(*, task_status):
    task_status.started()
    await trio.sleep_forever()


async def test_a_service_is_ready_when_it_says_so(autojump_clock, supervisor):
    async def slow(*, task_status):
        await trio.sleep(3)
        task_status.started()
        await trio.sleep_forever()

    record = supervisor.start(service(slow), "hello")
    assert record.state is ServiceState.STARTING
    await record.wait_for(READY)
    assert trio.current_time() == pytest.approx(3)
    assert (record.owner, record.since, record.restarts) == ("hello", pytest.approx(3), 0)


async def test_a_service_that_returns_is_stopped(autojump_clock, supervisor):
    async def brief(*, task_status):
        task_status.started()

    record = supervisor.start(service(brief))
    assert await record.wait_for(STOPPED, FAILED) is STOPPED
    assert record.last_error == ""


async def test_delays_double_up_to_the_longest_and_the_burst_ends_in_failed(autojump_clock, supervisor):
    flaky = Flaky()
    record = supervisor.start(service(flaky.run, first_delay=1, max_delay=5, burst=5))
    await record.wait_for(FAILED)
    assert flaky.gaps == [1, 2, 4, 5, 5]
    assert (record.restarts, record.last_error) == (5, "OSError: crash")


async def test_the_jitter_is_full_it_scales_the_whole_delay(nursery, autojump_clock):
    draws = iter([0.0, 0.5, 0.25])
    flaky = Flaky(failures=3)
    record = Supervisor(nursery, jitter=lambda: next(draws)).start(service(flaky.run, first_delay=8))
    await record.wait_for(BACKOFF)
    await trio.sleep(1000)
    assert flaky.gaps == [0, 8, 8]
    assert record.state is READY


async def test_delays_begin_anew_after_a_good_run(autojump_clock, supervisor):
    flaky = Flaky(failures=4, after=60)
    supervisor.start(service(flaky.run, first_delay=1, max_delay=50, burst=9))
    await trio.sleep(1000)
    assert flaky.gaps == [61, 61, 61, 61]


async def test_old_restarts_do_not_count_towards_the_burst(autojump_clock, supervisor):
    flaky = Flaky(failures=20, after=60)
    record = supervisor.start(service(flaky.run, burst=2, interval=100, max_delay=1))
    await trio.sleep(5000)
    assert (record.state, record.restarts) == (READY, 20)


async def test_always_restarts_what_returns_and_never_leaves_what_fails(autojump_clock, supervisor):
    async def brief(*, task_status):
        task_status.started()

    always = supervisor.start(service(brief, "always", when="always", burst=3))
    never = supervisor.start(service(Flaky().run, "never", when="never"))
    await always.wait_for(FAILED)
    await never.wait_for(FAILED)
    assert (always.restarts, never.restarts) == (3, 0)


async def test_being_too_slow_to_start_is_a_failure_that_says_how_slow(autojump_clock, supervisor):
    async def hang(*, task_status):
        await trio.sleep_forever()

    record = supervisor.start(service(hang, when="never", start_timeout=3))
    await record.wait_for(FAILED)
    assert record.last_error == "DeadlineExceeded: service it was not ready after 3 s"
    assert trio.current_time() == pytest.approx(3)


async def test_returning_without_having_been_ready_is_a_failure(autojump_clock, supervisor):
    async def silent(*, task_status):
        await trio.sleep(1)

    record = supervisor.start(service(silent, when="never"))
    await record.wait_for(FAILED)
    assert "without calling task_status.started()" in record.last_error


@pytest.mark.parametrize(
    "error", [SystemExit(3), GeneratorExit(), BaseException("odd"), ImportError("no tensorflow")], ids=repr
)
async def test_r28_whatever_a_service_raises_touches_no_neighbour(autojump_clock, supervisor, error):
    good = supervisor.start(service(idle, "good"))
    bad = supervisor.start(service(Flaky(error=error).run, "bad", burst=2))
    await bad.wait_for(FAILED)
    await trio.sleep(100)
    assert (good.state, good.restarts) == (READY, 0)
    assert bad.last_error.startswith(type(error).__name__)


async def test_r28_something_that_is_no_service_fails_like_one(autojump_clock, supervisor):
    record = supervisor.start(service(lambda **_: None, when="never"))
    await record.wait_for(FAILED)
    assert record.last_error.startswith("TypeError: ")


async def test_the_helpers_of_a_service_die_with_their_attempt(autojump_clock, supervisor):
    alive = set()

    async def helper(number):
        alive.add(number)
        try:
            await trio.sleep_forever()
        finally:
            alive.discard(number)

    async def leader(*, task_status):
        async with trio.open_nursery() as own:
            own.start_soon(helper, trio.current_time())
            task_status.started()
            await trio.sleep(1)
            raise ValueError("one")

    record = supervisor.start(service(leader, burst=2))
    await record.wait_for(FAILED)
    assert alive == set()


async def test_grouped_errors_become_one_line(autojump_clock, supervisor):
    inner = ExceptionGroup("in", [ValueError("two\nlines"), OSError("three")])
    record = supervisor.start(service(Flaky(error=ExceptionGroup("out", [inner])).run, when="never"))
    await record.wait_for(FAILED)
    assert record.last_error == "ValueError: two lines; OSError: three"


async def test_a_critical_service_that_gives_up_raises(autojump_clock):
    with pytest.RaisesGroup(
        pytest.RaisesExc(ServiceGaveUp, match="service store gave up after 1 restarts: OSError: crash")
    ):
        async with trio.open_nursery() as nursery:
            Supervisor(nursery).start(service(Flaky().run, "store", critical=True, burst=1))


async def test_stop_ends_a_service_and_says_why(autojump_clock, supervisor):
    reasons = []

    async def curious(*, task_status):
        task_status.started()
        try:
            await trio.sleep_forever()
        except trio.Cancelled as cancelled:
            reasons.append(str(cancelled))
            raise

    record = supervisor.start(service(curious))
    await record.wait_for(READY)
    assert await supervisor.stop("it", reason="the plugin was disabled") == ()
    assert record.state is STOPPED
    assert "the plugin was disabled" in reasons[0]


async def test_stop_interrupts_a_backoff(autojump_clock, supervisor):
    record = supervisor.start(service(Flaky().run, first_delay=50))
    await record.wait_for(BACKOFF)
    await supervisor.stop("it")
    assert (record.state, trio.current_time()) == (STOPPED, 0)


async def test_a_service_that_fails_while_stopping_is_stopped_and_keeps_its_error(autojump_clock, supervisor):
    async def messy(*, task_status):
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("while leaving")

    record = supervisor.start(service(messy))
    await record.wait_for(READY)
    await supervisor.stop("it")
    assert (record.state, record.restarts) == (STOPPED, 0)
    assert record.last_error == "ValueError: while leaving"


async def test_stop_waits_no_longer_than_the_stop_timeout_and_names_who_stayed(autojump_clock, supervisor):
    record = supervisor.start(service(clinging(60), stop_timeout=7))
    supervisor.start(service(idle, "quick", stop_timeout=3))
    await record.wait_for(READY)
    assert await supervisor.stop("it", "quick") == ("it",)
    assert (trio.current_time(), record.live) == (pytest.approx(7), True)


async def test_hurry_shortens_a_wait_that_has_begun(autojump_clock, supervisor, nursery):
    record = supervisor.start(service(clinging(60), stop_timeout=30))
    await record.wait_for(READY)
    nursery.start_soon(lambda: supervisor.stop("it"))
    await trio.sleep(2)
    supervisor.hurry()
    assert await supervisor.stop("it") == ("it",)
    assert trio.current_time() == pytest.approx(3)


def clinging(seconds):
    async def run(*, task_status):
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            with trio.move_on_after(seconds, shield=True):
                await trio.sleep_forever()

    return run


async def test_a_name_is_taken_while_its_service_lives_and_free_afterwards(autojump_clock, supervisor):
    await supervisor.start(service(idle), "hello").wait_for(READY)
    with pytest.raises(Conflict, match="a service 'it' of hello is already running"):
        supervisor.start(service(idle))
    await supervisor.stop("it")
    await supervisor.start(service(idle)).wait_for(READY)
    assert [record.owner for record in supervisor.records] == ["labd"]


async def test_an_unknown_service_is_not_found(autojump_clock, supervisor):
    with pytest.raises(NotFound, match="there is no service 'nope'"):
        await supervisor.stop("nope")


async def test_every_change_of_state_is_told(nursery, autojump_clock):
    told = []
    supervisor = Supervisor(
        nursery,
        jitter=lambda: 1.0,
        on_change=lambda record, old: told.append((old.value, record.state.value)),
    )
    record = supervisor.start(service(Flaky(failures=1).run))
    await record.wait_for(BACKOFF)
    await record.wait_for(READY)
    await supervisor.stop("it")
    assert told == [
        ("starting", "starting"),
        ("starting", "ready"),
        ("ready", "backoff"),
        ("backoff", "starting"),
        ("starting", "ready"),
        ("ready", "stopped"),
    ]


async def test_a_listener_that_raises_is_logged_and_ignored(nursery, autojump_clock, caplog):
    def listen(record, old):
        raise RuntimeError("deaf")

    record = Supervisor(nursery, on_change=listen).start(service(idle))
    await record.wait_for(READY)
    assert "cannot tell that service it is ready" in caplog.text


async def test_statistics_count_by_state(autojump_clock, supervisor):
    await supervisor.start(service(idle, "a")).wait_for(READY)
    await supervisor.start(service(Flaky().run, "b", burst=2)).wait_for(FAILED)
    numbers = supervisor.statistics()
    assert (numbers.services, numbers.ready, numbers.failed, numbers.restarts) == (2, 1, 1, 2)


async def test_tasks_of_a_service_know_their_owner(autojump_clock, supervisor):
    owners = []

    async def ask(*, task_status):
        owners.append(OWNER.get())
        task_status.started()

    await supervisor.start(service(ask, "a"), "hello").wait_for(STOPPED)
    await supervisor.start(service(ask, "b")).wait_for(STOPPED)
    assert owners == ["hello", "labd"]


async def test_a_traceback_goes_to_the_log_and_not_into_the_record(autojump_clock, supervisor, caplog):
    record = supervisor.start(service(Flaky().run, when="never"))
    await record.wait_for(FAILED)
    assert "Traceback" in caplog.text
    assert "\n" not in record.last_error
    assert record.describe()["state"] == "failed"


async def test_cancelling_everything_stops_a_service_at_once(autojump_clock):
    async with trio.open_nursery() as nursery:
        record = Supervisor(nursery).start(service(idle))
        await record.wait_for(READY)
        nursery.cancel_scope.cancel()
    assert record.state is STOPPED
