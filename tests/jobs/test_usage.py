"""Accounting: what runs come to, cut at the ends of the time asked about and at midnight."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.jobs.usage import COUNTS, Days, Run, Sums, add_up, daily

HOUR = 3600.0


@pytest.fixture(autouse=True)
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


NOON = 1_790_157_600.0
"""2026-09-23 12:00 in Berlin."""


def run(start=NOON, hours=1.0, **more):
    given = {"user": "anna", "group": "", "name": "train", "tags": (), "state": "succeeded", "cores": 2.0}
    return Run(**given | {"start": start, "end": start + hours * HOUR} | more)


def test_a_run_within_counts_whole():
    _, total = add_up([run(gpus=1, memory=100, used=HOUR, peak=50, wait=5.0)], "user", 0, NOON + 9 * HOUR)
    assert (total.core_seconds, total.gpu_seconds, total.memory_seconds) == (2 * HOUR, HOUR, 100 * HOUR)
    shown = total.shown()
    assert (shown["jobs"], shown["succeeded"], shown["attempts"]) == (1, 1, 1)
    assert (shown["cpu_efficiency"], shown["memory_efficiency"], shown["median_wait"]) == (0.5, 0.5, 5.0)


def test_only_the_part_within_counts_and_the_job_where_it_ended():
    _, before = add_up([run(hours=4, used=HOUR)], "user", 0, NOON + HOUR)
    _, after = add_up([run(hours=4, used=HOUR)], "user", NOON + HOUR, NOON + 9 * HOUR)
    assert (before.core_seconds, before.cpu_seconds, before.jobs) == (2 * HOUR, HOUR / 4, 0)
    assert (after.core_seconds, after.cpu_seconds, after.jobs) == (6 * HOUR, 3 * HOUR / 4, 1)


def test_what_lies_outside_does_not_count():
    assert add_up([run()], "user", 0, NOON - 1) == ({}, Sums())
    assert add_up([run()], "user", NOON + 2 * HOUR, NOON + 3 * HOUR) == ({}, Sums())


def test_an_attempt_that_another_followed_counts_no_job():
    _, total = add_up([run(state=""), run(state="timed_out")], "user", 0, NOON + HOUR)
    assert (total.jobs, total.failed, total.attempts) == (1, 1, 2)


def test_by_tag_a_job_counts_for_each_and_once_in_all():
    found, total = add_up([run(tags=("a", "b")), run()], "tag", 0, NOON + HOUR)
    assert {key: sums.jobs for key, sums in found.items()} == {"a": 1, "b": 1, "": 1}
    assert total.jobs == 2


def test_by_day_a_run_is_cut_at_the_midnight_of_this_place():
    found, _ = add_up([run(hours=14)], "day", 0, NOON + 20 * HOUR)
    assert {day: (sums.core_seconds / HOUR, sums.jobs) for day, sums in found.items()} == {
        "2026-09-23": (24.0, 0),
        "2026-09-24": (4.0, 1),
    }


def test_a_run_that_ends_at_midnight_counts_once():
    found, _ = add_up([run(hours=12)], "day", 0, NOON + 20 * HOUR)
    assert {day: sums.jobs for day, sums in found.items()} == {"2026-09-23": 1}


def test_a_day_may_have_25_hours():
    start = time.mktime((2026, 10, 25, 0, 0, 0, 0, 0, -1))
    parts = [(day, (part.end - part.start) / HOUR) for day, part in Days().pieces(run(start, 30))]
    assert parts == [("2026-10-25", 25.0), ("2026-10-26", 5.0)]


runs_ = st.lists(
    st.builds(
        run, st.floats(NOON, NOON + 99 * HOUR), st.floats(0, 60),
        user=st.sampled_from("ab"), used=st.one_of(st.none(), st.floats(0, 999)),
        state=st.sampled_from(["succeeded", "failed", "cancelled", ""]),
        memory=st.integers(0, 9), peak=st.one_of(st.none(), st.integers(0, 9)),
    ),
    max_size=8,
)  # fmt: skip


@given(runs_)
def test_what_is_kept_by_day_comes_to_the_same(runs):
    whole, kept = add_up(runs, "user", 0, 2e9)[1], Sums()
    for sums in daily(runs).values():
        kept.merge(sums.counts)
    assert kept.counts == pytest.approx(whole.counts, rel=1e-6, abs=1e-3)
    assert len(COUNTS) == len(kept.counts)
