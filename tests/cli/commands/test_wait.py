"""``labctl wait``."""

import json
from typing import Any

import pytest

from labd.errors import DeadlineExceeded, NotFound
from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon, Hangup, ended, job

OK, BAD = ended(12, "succeeded", exit_code=0), ended(13, "failed", exit_code=3)


def test_one_job_gives_its_own_exit_code(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.wait", {"jobs": [BAD]})
    assert run("wait", "13") == (3, "Job 13 (train) failed after 4m00s: exit 3.\n", "")


@pytest.mark.parametrize(("jobs", "code"), [([OK, OK], 0), ([OK, BAD], 1)])
def test_several_give_0_or_1(daemon: FakeDaemon, run: Labctl, jobs: list[dict[str, Any]], code: int) -> None:
    daemon.on("job.wait", {"jobs": jobs})
    assert run("wait", "12", "13").code == code


def test_it_asks_again_until_all_have_ended(daemon: FakeDaemon, run: Labctl) -> None:
    late = DeadlineExceeded("not yet", data={"jobs": [13]})
    daemon.script("job.wait", late, {"jobs": [OK, job(13)]}, {"jobs": [OK, BAD]})
    assert run("wait", "12", "13", "-q") == (1, "12\n13\n", "")


def test_it_outlives_the_daemon(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.script("job.wait", Hangup(), Hangup(), {"jobs": [OK]})
    code, _, err = run("wait", "12")
    assert code == 0
    assert err.count("labd is back") == 2


def test_the_time_runs_out_with_8(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.wait", DeadlineExceeded("not yet", data={"jobs": [12]}))
    code, out, err = run("wait", "12", "--timeout", "0.05s")
    assert (code, out) == (8, "")
    assert err.startswith("labctl: out of time: after 0.05 s job 12 had not ended\n  hint: the jobs go on")


def test_names_become_ids_once_each(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.find", {"ids": [12, 12, 7]})
    daemon.on("job.wait", {"jobs": [OK]})
    run("wait", "last", "12", "train")
    assert daemon.params("job.find") == [{"jobs": ["last", 12, "train"]}]
    assert daemon.params("job.wait")[0]["jobs"] == [12, 7]


def test_json_holds_the_jobs(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.wait", {"jobs": [OK]})
    assert json.loads(run("wait", "12", "--json").out) == {"version": 1, "jobs": [OK]}


def test_a_job_that_is_not_there(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.wait", NotFound("there is no job 99"))
    assert run("wait", "99").code == 4
