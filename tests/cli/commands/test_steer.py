"""``labctl hold``, ``release``, ``pause``, ``resume``, ``requeue`` and ``prio``: each job by itself."""

import json
from typing import Any

import pytest

from labd.errors import Conflict
from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon, job, queued

STEERED = [
    ("hold", [], "job.hold", {}, queued(12, state="held"), "Held job 12 (train)."),
    ("release", [], "job.release", {}, queued(12), "Released job 12 (train)."),
    ("pause", [], "job.pause", {}, job(12, state="paused"), "Paused job 12 (train)."),
    ("resume", [], "job.resume", {}, job(12), "Resumed job 12 (train)."),
    ("requeue", [], "job.requeue", {"reason": ""}, job(12), "Ending job 12 (train) to queue it again."),
    ("requeue", [], "job.requeue", {"reason": ""}, queued(12), "Queued job 12 (train) again."),
    ("prio", ["10"], "job.prioritise", {"priority": 10}, queued(12, priority=10),
     "Gave job 12 (train) the priority 10."),
    ("prio", ["-5"], "job.prioritise", {"priority": -5}, queued(12, priority=-5),
     "Gave job 12 (train) the priority -5."),
]  # fmt: skip


@pytest.mark.parametrize(("command", "words", "method", "params", "view", "sentence"), STEERED)
def test_each_job_is_asked_for_and_told(
    daemon: FakeDaemon,
    run: Labctl,
    command: str,
    words: list[str],
    method: str,
    params: dict[str, Any],
    view: dict[str, Any],
    sentence: str,
) -> None:
    daemon.on(method, {"job": view})
    assert run(command, *words, "12", "train") == (0, f"{sentence}\n{sentence}\n", "")
    assert daemon.params(method) == [{"job": 12, **params}, {"job": "train", **params}]
    assert run(command, *words, "12", "-q").out == "12\n"
    assert json.loads(run(command, *words, "12", "--json").out) == {"version": 1, "jobs": [view]}


def test_a_reason_to_requeue_travels(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.requeue", {"job": job(12)})
    run("requeue", "12", "--reason", "driver update")
    assert daemon.params("job.requeue") == [{"job": 12, "reason": "driver update"}]


def test_one_that_cannot_be_held_stops_none_of_the_others(daemon: FakeDaemon, run: Labctl) -> None:
    answers: dict[int, Any] = {
        1: Conflict("job 1 is running: it cannot be held", hint="labctl pause stops one that runs"),
        2: {"job": queued(2, state="held")},
    }
    daemon.on("job.hold", lambda params: answers[params["job"]])
    code, out, err = run("hold", "1", "2")
    assert (code, out) == (6, "Held job 2 (train).\n")
    assert err == (
        "labctl: conflict: job 1 is running: it cannot be held\n  hint: labctl pause stops one that runs\n"
    )


def test_a_priority_is_a_whole_number(run: Labctl) -> None:
    assert run("prio", "high", "12") == (
        2,
        "",
        'labctl: wrong argument: PRIORITY: "high" is no priority: write a whole number, as 10 or -5\n'
        "  hint: see `labctl prio --help`\n",
    )


# -- dry runs ------------------------------------------------------------------------------------

DRY = [
    (["cancel"], "job.cancel", "Would cancel job 12 (train), which is queued."),
    (["hold"], "job.hold", "Would hold job 12 (train), which is queued."),
    (["release"], "job.release", "Would release job 12 (train), which is queued."),
    (["pause"], "job.pause", "Would pause job 12 (train), which is queued."),
    (["resume"], "job.resume", "Would resume job 12 (train), which is queued."),
    (["requeue"], "job.requeue", "Would requeue job 12 (train), which is queued."),
    (["retry"], "job.retry", "Would retry job 12 (train), which is queued."),
    (["prio", "5"], "job.prioritise", "Would give the priority 5 to job 12 (train), which is queued."),
]


@pytest.mark.parametrize(("words", "method", "sentence"), DRY)
def test_a_dry_run_says_what_would_be(
    daemon: FakeDaemon, run: Labctl, words: list[str], method: str, sentence: str
) -> None:
    daemon.on(method, {"job": queued(12), "would": [{"kind": "job.x", "job": 12}]})
    assert run(*words, "12", "--dry-run") == (0, f"{sentence}\n", "Nothing is changed.\n")
    assert daemon.params(method)[0]["dry_run"] is True


def test_a_dry_run_names_what_would_end_with_the_job(daemon: FakeDaemon, run: Labctl) -> None:
    others = [{"kind": "job.cancelled", "job": n} for n in range(12, 30)]
    daemon.on("job.cancel", {"job": queued(12), "would": others})
    out = run("cancel", "12", "--dry-run").out
    assert out.endswith(
        " With it would end what needs it: 13, 14, 15, 16, 17, 18, 19, 20, 21, 22 and 7 more.\n"
    )
    assert '"would": [{"kind": "job.cancelled", "job": 12}' in run("cancel", "12", "--dry-run", "--json").out
