"""Arrays with real processes: a million tasks, restarts in the middle, retries of what failed."""

import os
from pathlib import Path

import pytest

from labd.errors import NotFound, Refused, UsageError
from tests.real.folding import differences
from tests.support import wait_until

pytestmark = pytest.mark.real


def submit(daemon, script, count, limit=0, **spec):
    array = {"ranges": [[0, count - 1, 1]], "limit": limit}
    given = {"argv": ["sh", "-c", script], "cwd": daemon.folder, "array": array} | spec
    return daemon.call("job.submit", {"spec": given})["job"]["id"]


def totals(daemon, array):
    return {state: n for state, n in daemon.job(array)["tasks"].items() if n}


def test_every_task_runs_once_with_its_index(daemon):
    out = Path(daemon.folder, "out")
    array = submit(daemon, f"echo $LABD_TASK_INDEX $LABD_ATTEMPT {{index}} $LABD_ARRAY_ID >> {out}", 50)
    assert daemon.ended(array)[0]["state"] == "succeeded"
    rows = sorted(tuple(map(int, line.split())) for line in out.read_text().splitlines())
    assert rows == [(index, 1, index, array) for index in range(50)]
    assert totals(daemon, array) == {"succeeded": 50}


def test_no_more_run_at_once_than_the_array_says(make_daemon):
    daemon = make_daemon(cores=4).start()
    out = Path(daemon.folder, "out")
    array = submit(daemon, f"echo + >> {out}; sleep 0.05; echo - >> {out}", 20, limit=2)
    daemon.ended(array)
    running = most = 0
    for sign in out.read_text().split():
        running += 1 if sign == "+" else -1
        most = max(most, running)
    assert most == 2


def test_killed_again_and_again_every_task_runs_once(make_daemon):
    daemon = make_daemon(cores=2).start()
    out = Path(daemon.folder, "out")
    array = submit(
        daemon, f"echo $LABD_TASK_INDEX $LABD_ATTEMPT >> {out}; exit $((LABD_TASK_INDEX % 5 == 0))", 150
    )
    for done in (10, 40, 90, 120):
        wait_until(lambda done=done: out.exists() and len(out.read_text().splitlines()) >= done)
        daemon.restart()
    assert daemon.ended(array)[0]["state"] == "failed"
    ran = [tuple(map(int, line.split())) for line in out.read_text().splitlines()]
    assert len(ran) == len(set(ran))
    assert {index for index, _ in ran} == set(range(150))
    assert totals(daemon, array) == {"succeeded": 120, "failed": 30}
    assert differences(daemon.state) == []


def test_a_retry_runs_only_what_failed(daemon):
    out, fixed = Path(daemon.folder, "out"), Path(daemon.folder, "fixed")
    script = f"echo $LABD_TASK_INDEX >> {out}; test -e {fixed} || exit $((LABD_TASK_INDEX % 2))"
    array = submit(daemon, script, 10)
    assert daemon.ended(array)[0]["reason"] == "5 of 10 tasks failed"
    out.unlink()
    fixed.touch()
    daemon.call("job.retry", {"job": array})
    assert daemon.ended(array)[0]["state"] == "succeeded"
    assert sorted(out.read_text().split()) == ["1", "3", "5", "7", "9"]
    assert differences(daemon.state) == []


def test_a_job_can_come_after_an_array_or_one_of_its_tasks(daemon):
    out = Path(daemon.folder, "out")
    array = submit(daemon, f"echo task >> {out}", 5)
    task = daemon.job(f"{array}_4")["id"]
    after = [daemon.shell(f"echo after >> {out}", after=[{"job": number}]) for number in (array, task)]
    daemon.ended(*after)
    assert out.read_text().split().count("after") == 2
    assert out.read_text().split()[-1] == "after"


def test_a_cancelled_array_leaves_nothing_running(daemon):
    array = submit(daemon, "sleep 100", 1000)
    wait_until(lambda: totals(daemon, array).get("running"))
    daemon.call("job.cancel", {"job": array})
    assert daemon.ended(array)[0]["state"] == "cancelled"
    assert totals(daemon, array) == {"cancelled": 1000}
    daemon.restart()
    assert totals(daemon, array) == {"cancelled": 1000}
    assert differences(daemon.state) == []


def test_a_paused_array_goes_on_when_it_is_resumed(daemon):
    gate = Path(daemon.folder, "gate")
    array = submit(daemon, f"until [ -e {gate} ]; do sleep 0.05; done", 6)
    wait_until(lambda: totals(daemon, array).get("running"))
    assert daemon.call("job.pause", {"job": array})["job"]["state"] == "paused"
    daemon.restart()
    gate.touch()
    assert daemon.job(array)["state"] == "paused"
    daemon.call("job.resume", {"job": array})
    assert daemon.ended(array)[0]["state"] == "succeeded"


def test_each_line_of_a_file_is_a_task(daemon):
    lines = b'{"lr": 0.1, "name": "a b"}\n{"lr": 0.01, "name": "$HOME"}\n'
    digest = daemon.call("blob.put", {"data": lines, "last": True})["digest"]
    array = {"ranges": [[0, 1, 1]], "items": digest, "json": True}
    spec = {"argv": ["printf", "%s|%s", "{task.lr}", "{task.name}"], "cwd": "/", "array": array}
    job = daemon.call("job.submit", {"spec": spec})["job"]["id"]
    daemon.ended(job)
    texts = [daemon.call("job.log", {"job": f"{job}_{index}"})["data"] for index in (0, 1)]
    assert texts == [b"0.1|a b", b"0.01|$HOME"]
    assert daemon.call("job.show", {"job": f"{job}_1"})["task"] == '{"lr": 0.01, "name": "$HOME"}'


@pytest.mark.parametrize(
    ("array", "error", "words"),
    [
        ({"ranges": [[5, 1, 1]]}, UsageError, "an array cannot go from 5 to 1"),
        ({"ranges": [[0, 9, 1], [9, 12, 1]]}, UsageError, "the index 9 is twice in the array"),
        ({"ranges": [[0, 10, 5], [7, 10, 3]]}, UsageError, "the index 10 is twice in the array"),
        ({"ranges": [[0, 1_000_000, 1]]}, Refused, "an array of 1000001 tasks, the limit is 1000000"),
        ({"ranges": [[0, 1, 1]], "items": "0" * 64}, NotFound, "no blob 0000"),
    ],
)
def test_what_is_no_array_is_refused(daemon, array, error, words):
    with pytest.raises(error, match=words):
        daemon.call("job.submit", {"spec": {"argv": ["true"], "cwd": "/", "array": array}})
    with pytest.raises(NotFound, match=r"is no array|there is no job"):
        daemon.job("1_0")


def test_a_million_tasks_take_no_more_memory_than_one(daemon):
    daemon.shell("true")
    before = daemon.rss()
    array = submit(daemon, "true", 1_000_000, limit=1)
    wait_until(lambda: totals(daemon, array).get("succeeded", 0) > 20)
    assert daemon.rss() - before < 8 * 2**20
    assert daemon.job(f"{array}_999999")["state"] == "queued"
    reply = daemon.call("job.tasks", {"job": array, "states": ["queued"]})
    assert sum(part["count"] for part in reply["untouched"]) > 999_000
    daemon.call("job.cancel", {"job": array})
    daemon.ended(array)
    assert os.stat(f"{daemon.state}/labd.db").st_size < 2 * 2**20
