"""Tables made of snapshots and events."""

from typing import Any

import pytest

from labd.tui import store as module
from labd.tui.rows import METRICS
from labd.tui.store import Store
from tests.tui.house import NOW, STATUS, a_map, event, job


def filled(*jobs: dict[str, Any]) -> Store:
    store = Store()
    store.put_jobs(jobs)
    store.drain()
    return store


def test_a_life_of_a_job_by_its_events():
    store = Store()
    store.take(
        event(
            1,
            "job.submitted",
            job=4,
            user="ada",
            spec={"name": "x", "cpus": 2.0, "group": "g", "tags": ["t"]},
        )
    )
    row = store.jobs[4]
    assert (row.name, row.state, row.user, row.group, row.cpus) == ("x", "queued", "ada", "g", 2.0)
    store.take(event(2, "job.starting", job=4, attempt=1, gpu_ids=[1]))
    assert (row.state, row.attempt, row.gpu_ids) == ("starting", 1, [1])
    assert store.running() == [row]
    store.take(event(3, "job.started", job=4, attempt=1, started=NOW))
    store.take({**event(0, "job.reported", job=4, progress=0.25, metrics={"loss": 2.0}), "time": NOW + 10})
    assert (row.state, row.progress, row.eta, row.metrics) == ("running", 0.25, 30.0, {"loss": 2.0})
    store.take(event(4, "job.failed", "exit code 3", job=4, attempt=1, ended=NOW + 20, exit_code=3))
    assert (row.state, row.ended, row.exit_code, row.reason, row.eta) == (
        "failed",
        NOW + 20,
        3,
        "exit code 3",
        None,
    )
    assert not store.running()
    store.take(event(5, "job.queued", job=4))
    assert (row.state, row.ended, row.exit_code, row.progress) == ("queued", None, None, None)


@pytest.mark.parametrize(
    ("before", "kind", "after"),
    [
        ("queued", "held", "held"),
        ("held", "released", "queued"),
        ("queued", "blocked", "blocked"),
        ("blocked", "unblocked", "queued"),
        ("running", "paused", "paused"),
        ("paused", "resumed", "running"),
        ("running", "adopted", "running"),
        ("starting", "never_began", "queued"),
        ("running", "timed_out", "timed_out"),
        ("running", "lost", "lost"),
        ("queued", "cancelled", "cancelled"),
        ("running", "cancel_requested", "running"),
    ],
)
def test_every_transition(before: str, kind: str, after: str):
    store = filled(job(1, before))
    store.take(event(1, f"job.{kind}", job=1))
    assert store.jobs[1].state == after


def test_the_same_transitions_as_the_daemon_knows():
    from labd.jobs.model import TRANSITIONS
    from labd.tui.rows import _STATES

    known = {kind.removeprefix("job.") for kind in TRANSITIONS}
    left_as_it_was = {"submitted", "adopted", "prioritised", "cancel_requested", "requeue_requested"}
    assert known - left_as_it_was <= set(_STATES)


def test_metrics_of_a_job_are_bounded():
    store = filled(job(1, "running"))
    store.take(event(0, "job.reported", job=1, metrics={f"m{n}": n for n in range(1000)}))
    assert len(store.jobs[1].metrics or {}) == METRICS


def test_changes_are_told_once():
    store = Store()
    store.put_jobs([job(1)])
    store.take(event(1, "job.held", job=1))
    changes = store.drain()
    assert changes.jobs == {1}
    assert {"jobs", "events"} <= changes.topics
    assert not store.changed
    assert not store.drain().topics


def test_events_say_what_is_stale():
    store = filled(job(1))
    for kind, data, stale in [
        ("job.held", {"job": 1}, {"status", "queue"}),
        ("job.reported", {"job": 1}, set()),
        ("plugin.reloaded", {"plugin": "x"}, {"status", "plugins"}),
        ("service.failed", {"name": "x"}, {"status", "plugins"}),
        ("map.submitted", {"map": 9}, {"maps"}),
        ("gpu.gone", {"gpu": 1}, {"status"}),
    ]:
        store.stale.clear()
        store.take(event(2, kind, **data))
        assert store.stale == stale, kind


def test_skipped_events_make_everything_stale_and_are_counted():
    store = Store()
    store.take({"seq": 30, "kind": "lagged", "data": {"first": 11, "last": 30}})
    assert (store.stale, store.skipped, store.last) == ({"all"}, 20, 30)


def test_maps_by_their_progress():
    store = Store()
    store.put_maps([a_map(2, "running", 0)])
    store.take(event(0, "map.progress", map=2, state="running", total=100, succeeded=50, failed=1, eta=1.0))
    assert (store.maps[2]["succeeded"], store.maps[2]["failed"], store.maps[2]["name"]) == (50, 1, "map-2")


def test_old_events_come_before_the_new_ones_and_never_twice():
    store = Store()
    store.take(event(5, "job.held", job=1))
    store.put_events([event(n, "job.held", job=1) for n in range(1, 7)])
    assert [one["seq"] for one in store.events] == [1, 2, 3, 4, 5]


def test_a_million_events_take_no_more_memory_than_thousands():
    store = filled(*(job(n) for n in range(1, 50)))
    sizes = []
    for n in range(1, 20_001):
        spec = {"argv": ["x" * 1000]}
        store.take(event(n, "job.held", "why" * 10, job=n % 50 or 1, spec=spec, note="y" * 5000))
        sizes.append(len(store.events))
    assert max(sizes) == module.MOST_EVENTS
    assert len(str(store.events[-1])) < 1000


def test_jobs_are_bounded_and_those_that_live_stay(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST_JOBS", 100)
    monkeypatch.setattr(module, "_SLACK", 10)
    store = filled(*(job(n, "queued" if n % 50 == 0 else "succeeded") for n in range(1, 301)))
    assert len(store.jobs) <= 110
    assert {50, 100, 150, 200, 250, 300} <= set(store.jobs)


def test_another_epoch_forgets():
    store = filled(job(1))
    store.take(event(9, "job.held", job=1))
    store.forget()
    assert not store.jobs
    assert not store.events
    assert store.drain().jobs == {1}


def test_a_second_is_a_sample():
    store = Store()
    store.put("status", STATUS)
    store.take(event(0, "machine.sampled", cpu=0.5, memory=100, memory_used=25, disks=[]))
    store.tick()
    assert [
        list(store.history.last(name, 9)) for name in ("cores", "memory", "cpu", "used", "gpu 0", "gpu 1")
    ] == [
        [0.5],
        [0.25],
        [0.5],
        [0.25],
        [1.0],
        [0.0],
    ]
    for _ in range(2000):
        store.tick()
    assert len(store.history.last("cores", 10_000)) == 600
