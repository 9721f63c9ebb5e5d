"""Who is told of what, and in which words."""

from typing import get_args

import msgspec
import pytest

from labd.api.jobs import Notify, When
from labd.cli import notify as words
from labd.daemon.notices.owed import KINDS, Origin, delay_after, owed, trial, wants
from labd.daemon.notices.text import sentence
from labd.jobs import decide
from labd.jobs.decide import Ending
from labd.jobs.model import TRANSITIONS
from tests.jobs.build import Clocks, a_job, event

HERE = Origin("lab1", "e1")


def notify(*wishes: str) -> list[dict[str, str]]:
    return [words.notify(wish) for wish in wishes]


def test_every_event_of_jobs_has_words_and_can_be_asked_for():
    assert {*TRANSITIONS, "job.submitted", "job.array_started"} == KINDS
    asked = KINDS - {"job.array_started"}  # which is the start of an array
    assert {"ended", *(kind.removeprefix("job.") for kind in asked)} == set(get_args(When)) == set(words.WHEN)


@pytest.mark.parametrize(
    ("when", "kind", "again", "told"),
    [
        ("ended", "job.succeeded", False, True),
        ("ended", "job.cancelled", False, True),
        ("ended", "job.failed", True, False),
        ("ended", "job.started", False, False),
        ("failed", "job.timed_out", False, True),
        ("failed", "job.lost", False, True),
        ("failed", "job.cancelled", False, False),
        ("failed", "job.failed", True, False),
        ("lost", "job.lost", True, True),
        ("lost", "job.failed", False, False),
        ("started", "job.started", False, True),
    ],
)
def test_what_is_asked_for_is_told(when, kind, again, told):
    data = {"again": True} if again else {}
    assert wants(Notify("chat", when), event(kind, job=1, **data)) is told


def test_an_end_says_whether_another_attempt_follows():
    job, ending = a_job("running", retries=1), Ending(reason="exited", exit_code=1)
    first, _ = decide.ended(job, ending, Clocks())
    [last] = decide.ended(msgspec.structs.replace(job, retries_left=0), ending, Clocks())
    assert (first.data.get("again"), last.data.get("again")) == (True, None)


def test_each_target_hears_of_an_event_once():
    job = a_job("failed", notify=notify("chat", "failed:chat", "failed:mail", "started:mail"))
    found = owed(event("job.failed", 7, job=1, attempt=1), job, HERE)
    assert [(one.id, one.target) for one in found] == [("e1-7-chat", "chat"), ("e1-7-mail", "mail")]
    assert owed(event("job.adopted", 8, job=1), job, HERE) == []


def test_a_message_has_the_event_the_job_and_a_sentence_but_nothing_private():
    job = a_job("failed", name="train", notify=notify("chat"), env={"SECRET": "x"}, script="#!/bin/sh")
    [one] = owed(event("job.failed", 7, "exit code 1", job=1, token="t", seconds=10_925.0), job, HERE)
    message = one.message
    assert {key: message[key] for key in ("version", "id", "host", "target", "text")} == {
        "version": 1, "id": "e1-7-chat", "host": "lab1", "target": "chat",
        "text": "job 1 (train) failed after 3 h 2 min: exit code 1",
    }  # fmt: skip
    assert message["event"]["data"] == {"job": 1, "seconds": 10_925.0}
    assert message["job"]["state"] == "failed"
    assert not {"env", "script", "token"} & set(message["job"])
    assert set(trial("chat", "n", "anna", HERE)) == set(message)


@pytest.mark.parametrize(
    ("kind", "cause", "data", "said"),
    [
        ("job.succeeded", "exit code 0", {"seconds": 45.2}, "job 1 succeeded after 45 s"),
        ("job.failed", "signal 9", {"seconds": 0.3, "again": True},
         "job 1 failed after 0.3 s: signal 9; it will be run again"),
        ("job.timed_out", "", {"seconds": 3600.0}, "job 1 reached its time limit after 1 h"),
        ("job.cancelled", "enough", {}, "job 1 was cancelled: enough"),
        ("job.lost", "the machine restarted", {}, "job 1 was lost: the machine restarted"),
        ("job.started", "", {}, "job 1 has started"),
    ],
)  # fmt: skip
def test_the_sentence(kind, cause, data, said):
    assert sentence(event(kind, cause=cause, job=1, **data), a_job()) == said


def test_delays_double_up_to_an_hour():
    assert [delay_after(tries, 5.0) for tries in (1, 2, 3, 12, 1000)] == [5, 10, 20, 3600, 3600]
