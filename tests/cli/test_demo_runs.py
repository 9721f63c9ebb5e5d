"""The runs of the demo, as events tell of them."""

from typing import Any

import pytest

from labd.demo.runs import FEWEST, MOST, Run, Setting, Sweep, ranked, settings, time_to_kill
from labd.demo.talk import told


def event(kind: str, job: int, **data: Any) -> dict[str, Any]:
    return {"seq": 0, "kind": f"job.{kind}", "cause": "because", "data": {"job": job, **data}}


def sweep(*states: str) -> Sweep:
    found = Sweep()
    for job, state in enumerate(states, start=1):
        found.add(job, Setting(0.1, job)).state = state
    return found


def training(run: Run, progress: float | None, pid: int = 7) -> None:
    run.state, run.progress, run.pid = "running", progress, pid


def test_there_is_a_setting_for_every_run_and_none_twice() -> None:
    assert len(set(settings(MOST))) == MOST
    assert len({s.name for s in settings(MOST)}) == MOST
    assert settings(FEWEST) == settings(MOST)[:FEWEST]


def test_a_run_follows_its_events() -> None:
    found, run = sweep("queued"), None
    for one in (
        event("starting", 1, attempt=1),
        event("started", 1, attempt=1, started=1.0),
        event("reported", 1, attempt=1, progress=0.5, metrics={"loss": 0.25, "accuracy": 0.9}, message=""),
        event("adopted", 1, attempt=1, started=1.0),
        event("succeeded", 1, attempt=1, seconds=3.0),
    ):
        run = found.take(one)
    assert run is not None
    assert (run.state, run.attempt, run.adopted, run.seconds) == ("succeeded", 1, 1, 3.0)
    assert (run.progress, run.loss, run.accuracy) == (0.5, 0.25, 0.9)
    assert found.over


def test_events_of_other_jobs_pass_by_and_count_as_seen() -> None:
    found = sweep("queued")
    assert found.take({"seq": 9, "kind": "job.failed", "data": {"job": 77}}) is None
    assert found.last == 9
    assert found.runs[1].state == "queued"


def test_transient_events_do_not_move_the_place_to_go_on_from() -> None:
    found = sweep("running")
    found.last = 12
    found.take(event("reported", 1, attempt=1, progress=0.1, metrics={}))
    assert found.last == 12


def test_what_was_missed_is_taken_from_a_list() -> None:
    found = sweep("running", "queued")
    found.show(
        [{"id": 1, "state": "failed", "attempt": 2, "reason": "exit code 1"}, {"id": 99, "state": "lost"}]
    )
    assert (found.runs[1].state, found.runs[1].attempt, found.runs[1].cause) == ("failed", 2, "exit code 1")
    assert found.runs[2].state == "queued"


def test_the_file_of_reports_has_the_last_word() -> None:
    run = Run(1, Setting(0.1, 2))
    run.finished([
        {"progress": 0.0, "metrics": {"loss": 1.0, "accuracy": 0.3}},
        {"progress": 0.5, "metrics": {"loss": None}},
        {"progress": 1.0, "metrics": {"loss": 0.125, "accuracy": 0.96}},
    ])  # fmt: skip
    assert run.learning == [(0.0, 1.0), (1.0, 0.125)]
    assert (run.progress, run.loss_text, run.accuracy_text) == (1.0, "0.1250", "96.0%")


@pytest.mark.parametrize(
    ("loss", "text"), [(None, ""), (0.0, "0.0000"), (1.5, "1.5000"), (0.001, "0.0010"), (3.8e-5, "3.8e-05")]
)
def test_a_loss_takes_seven_characters_at_most(loss: float | None, text: str) -> None:
    run = Run(1, Setting(0.1, 2))
    run.loss = loss
    assert run.loss_text == text
    assert len(text) <= 7


@pytest.mark.parametrize(
    ("over", "queued", "progress", "pid", "now"),
    [
        (2, 4, (0.2, 0.3), 7, True),
        (2, 4, (0.0, 0.05), 7, False),  # nothing to see yet
        (2, 4, (0.2, 0.9), 7, False),  # soon over: the next two are better
        (2, 4, (0.2, None), 7, False),  # one has not said anything
        (2, 4, (0.2, 0.3), 0, False),  # a process is not known
        (0, 6, (0.2, 0.3), 7, False),  # nothing is over
        (4, 1, (0.2, 0.9), 7, True),  # there is no better moment to come
        (5, 0, (0.8, 0.9), 7, True),
    ],
)
def test_the_daemon_dies_when_it_is_seen_best(
    over: int, queued: int, progress: tuple[float, float | None], pid: int, now: bool
) -> None:
    found = sweep(*["succeeded"] * over, "running", "running", *["queued"] * queued)
    for run, share in zip(found.running, progress, strict=True):
        training(run, share, pid)
    assert time_to_kill(found) is now


def test_one_run_alone_is_no_moment() -> None:
    found = sweep(*["succeeded"] * 3, "running", *["queued"] * 2)
    training(found.runs[4], 0.3)
    assert not time_to_kill(found)


def test_the_best_stands_first_and_what_failed_last() -> None:
    found = sweep("succeeded", "succeeded", "failed", "succeeded")
    for run, accuracy, loss in zip(
        found.runs.values(), (0.9, 0.96, 1.0, 0.96), (0.1, 0.2, 0.0, 0.1), strict=True
    ):
        run.accuracy, run.loss = accuracy, loss
    assert [run.job for run in ranked(found.runs.values())] == [4, 2, 1, 3]


def test_events_are_told_in_words() -> None:
    run = Run(3, Setting(0.01, 8))
    run.progress, run.loss, run.accuracy, run.attempt = 0.52, 0.25, 0.9, 1
    reported = event("reported", 3)
    assert told(reported, run, 0.4) == "run 3 at 52%: loss 0.2500, accuracy 90.0%"
    assert told(reported, run, 0.51) == ""
    assert told(event("started", 3), run, None) == "run 3 trains: rate 0.01, hidden 8"
    assert told(event("adopted", 3), run, None) == "run 3 is taken up, attempt 1"
    run.state, run.cause, run.seconds = "timed_out", "time limit", 5.04
    assert told(event("timed_out", 3), run, None) == "run 3 timed out after 5.0s: time limit"
    assert told(event("submitted", 3), run, None) == ""
