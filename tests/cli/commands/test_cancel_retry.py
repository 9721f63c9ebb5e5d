"""``labctl cancel`` and ``labctl retry``: several jobs, each by itself."""

import json
from typing import Any

from labd.errors import Conflict, NotPermitted
from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon, ended, job, queued


def test_what_becomes_of_a_cancelled_job_is_said(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.script("job.cancel", {"job": ended(12, "cancelled")}, {"job": job(13)})
    assert run("cancel", "12", "13").out == "Cancelled job 12 (train).\nEnding job 13 (train).\n"
    assert daemon.params("job.cancel") == [{"job": 12, "reason": ""}, {"job": 13, "reason": ""}]


def test_a_reason_travels(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.cancel", {"job": job(12)})
    run("cancel", "train", "--reason", "wrong data")
    assert daemon.params("job.cancel") == [{"job": "train", "reason": "wrong data"}]


def test_one_failure_stops_none_of_the_others(daemon: FakeDaemon, run: Labctl) -> None:
    answers: dict[int, Any] = {
        1: Conflict("job 1 has ended"),
        2: NotPermitted("job 2 is bert's"),
        3: {"job": job(3)},
    }
    daemon.on("job.cancel", lambda params: answers[params["job"]])
    code, out, err = run("cancel", "1", "2", "3", "--json")
    assert (code, json.loads(out)) == (6, {"version": 1, "jobs": [job(3)]})
    assert [json.loads(line)["error"]["code"] for line in err.splitlines()] == ["conflict", "not_permitted"]


def test_retry_queues_again(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.retry", {"job": queued(12)})
    assert run("retry", "12") == (0, "Queued job 12 (train) again.\n", "")
    assert run("retry", "12", "-q").out == "12\n"
