"""How long a job still takes: from the pace of its reports, on a clock that the test moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.jobs.eta import KEPT, Pace


def pace(*samples: tuple[float, float]) -> Pace:
    made = Pace()
    for time, progress in samples:
        made.add(time, progress)
    return made


def steady(until: float, seconds: float = 100.0, every: float = 1.0) -> Pace:
    """A job that takes *seconds*, at the progress *until*."""
    count = round(until * seconds / every)
    return pace(*((i * every, i * every / seconds) for i in range(count + 1)))


def test_without_reports_there_is_no_estimate():
    assert Pace().left(100.0, 0.0) is None


def test_one_report_is_measured_from_the_start():
    assert pace((100.0, 0.25)).left(100.0, 0.0) == pytest.approx(300.0)
    assert pace((100.0, 0.25)).left(100.0) is None


def test_a_report_of_nothing_estimates_nothing():
    assert pace((10.0, 0.0)).left(20.0, 0.0) is None
    assert pace((10.0, 0.5), (10.0, 0.6)).left(10.0) is None


@pytest.mark.parametrize("until", [0.1, 0.5, 0.9])
def test_a_steady_job_is_estimated_exactly(until):
    assert steady(until).left(until * 100) == pytest.approx(100 - until * 100)


def test_a_job_that_goes_on_from_a_checkpoint_is_measured_by_what_it_does_now():
    assert pace((0.0, 0.8), (10.0, 0.85)).left(10.0, -5.0) == pytest.approx(30.0)


def test_between_reports_the_estimate_counts_down():
    found = steady(0.5, every=10.0)
    assert found.left(50.0) == pytest.approx(50.0)
    assert found.left(57.0) == pytest.approx(43.0)


def test_a_silent_job_gets_later_and_later():
    found = steady(0.5)
    times = [found.left(50.0 + silence) for silence in (2, 10, 50, 500)]
    assert times == sorted(times)
    assert times[-1] > 500


def test_done_is_done():
    assert pace((0.0, 0.5), (1.0, 1.0)).left(99.0) == 0.0


def test_a_job_that_became_slower_is_judged_by_its_recent_pace_more_than_by_the_whole():
    fast = [(float(t), t / 100) for t in range(51)]
    slow = [(50.0 + t, 0.5 + t / 1000) for t in range(1, 51)]
    found = pace(*fast, *slow).left(100.0)
    by_the_whole, by_the_recent = 0.45 / (0.55 / 100), 450.0
    assert (by_the_whole + by_the_recent) / 2 < found < by_the_recent


def test_a_pause_does_not_make_it_endless():
    found = pace((0.0, 0.0), (100.0, 0.5), (200.0, 0.5)).left(200.0)
    assert 200 < found < 2000


def test_noise_of_several_processes_changes_little():
    clean = steady(0.5)
    noisy = pace(*((float(t) / 2, t / 200 - 0.01 * (t % 2)) for t in range(101)))
    assert noisy.left(50.0) == pytest.approx(clean.left(50.0), rel=0.1)


def test_a_new_phase_begins_anew():
    assert pace((0.0, 0.0), (10.0, 0.9), (11.0, 0.0), (21.0, 0.5)).left(21.0) == pytest.approx(10.0)


def test_a_clock_that_was_set_back_begins_anew():
    assert pace((1000.0, 0.1), (10.0, 0.2), (20.0, 0.3)).left(20.0) == pytest.approx(70.0)


def test_a_long_history_is_bounded_and_as_good():
    found = steady(0.5, seconds=100_000.0)
    assert len(found._samples) <= KEPT
    assert found.left(50_000.0) == pytest.approx(50_000, rel=0.01)


moments = st.floats(0, 1e10)


@given(st.lists(st.tuples(moments, st.floats(0, 1)), max_size=100), moments, st.none() | moments)
def test_whatever_is_reported_the_answer_is_a_time_or_none(samples, now, started):
    left = pace(*samples).left(now, started)
    assert left is None or left >= 0
