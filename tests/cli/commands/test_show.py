"""``labctl show``."""

import json

import pytest

from tests.cli.conftest import Labctl
from tests.cli.fake import NOW, FakeDaemon, ended, job, queued

ATTEMPTS = [
    {
        "number": 1,
        "state": "failed",
        "token": "t",
        "cause": "",
        "gpu_ids": [0],
        "started": NOW - 900,
        "ended": NOW - 700,
        "seconds": 200.0,
        "exit_code": None,
        "signal": 9,
        "reason": "out of memory",
        "user_seconds": 180.0,
        "system_seconds": 12.0,
        "max_rss": 3 * 2**30,
        "log": "/var/lib/labd/jobs/0/12.1/out.log",
    },
    {
        "number": 2,
        "state": "running",
        "token": "t",
        "cause": "attempt 1 failed: out of memory",
        "gpu_ids": [0],
        "started": NOW - 300,
        "ended": None,
        "seconds": None,
        "exit_code": None,
        "signal": None,
        "reason": "",
        "user_seconds": None,
        "system_seconds": None,
        "max_rss": None,
        "log": "/var/lib/labd/jobs/0/12.2/out.log",
    },
]

RUNNING = job(
    argv=["python", "train.py", "--name", "a b"],
    attempt=2,
    retries=2,
    gpus=1,
    gpu_ids=[0],
    time_limit=43_200.0,
    tags=["night", "gpu"],
    progress=0.5,
    metrics={"loss": 0.125, "epoch": 3.0},
)

GOLDEN = """\
Job        12
State      running
User       anna
Submitted  2026-09-21 14:03:20 (10m00s ago)
Started    2026-09-21 14:08:20 (5m00s ago)
Took       5m00s
Progress   █████░░░░░  50%
Metrics    loss 0.125, epoch 3

Name        train
Command     python train.py --name 'a b'
Folder      /data
Takes       2 cores, 8G memory, GPU 0
Time limit  12h00m
Retries     2
Tags        night, gpu

ATTEMPT  STATE     TOOK    CPU  MEMORY  GPUS  RESULT                   CAUSE
      1  failed   3m20s  3m12s      3G  0     SIGKILL (out of memory)
      2  running                        0                              attempt 1 failed: out of memory

Log 1  /var/lib/labd/jobs/0/12.1/out.log
Log 2  /var/lib/labd/jobs/0/12.2/out.log
"""


@pytest.mark.usefixtures("utc")
def test_everything_about_a_running_job(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.show", {"job": RUNNING, "attempts": ATTEMPTS, "env": {}, "script": None})
    code, out, err = run("show", "12")
    assert (code, out) == (0, GOLDEN)
    assert err == "\n  hint: see its output: labctl logs 12 -f\n  hint: end it: labctl cancel 12\n"


def test_a_warning_is_shown(daemon: FakeDaemon, run: Labctl) -> None:
    warned = RUNNING | {"warning": "GPU 0 is gone: its driver does not list it any more; the job keeps it"}
    daemon.on("job.show", {"job": warned, "attempts": ATTEMPTS, "env": {}, "script": None})
    assert "Warning    GPU 0 is gone: its driver" in run("show", "12").out


GOLDEN_WAITING = """\
Job        15
State      blocked
User       anna
Waits for  job 12
Submitted  2026-09-21 14:03:20 (10m00s ago)

Name      train
Command   python train.py
Folder    /data
Takes     2 cores, 8G memory
Retries   2
Retry on  75, 137
Begin     2026-09-21 16:13:20 (in 2h00m)
After     12:ok, 13:failed
Group     sweep
"""


@pytest.mark.usefixtures("utc")
def test_what_a_job_waits_for_is_said(daemon: FakeDaemon, run: Labctl) -> None:
    after = [{"job": 12, "when": "ok"}, {"job": 13, "when": "failed"}]
    policy = {"retries": 2, "retry_on": [75, 137], "begin": NOW + 7200, "after": after, "group": "sweep"}
    shown = queued(15, state="blocked", waiting_for="job 12", **policy)
    daemon.on("job.show", {"job": shown, "attempts": []})
    assert run("show", "15").out == GOLDEN_WAITING


def test_json_is_the_daemons_answer_with_a_version(daemon: FakeDaemon, run: Labctl) -> None:
    reply = {"job": RUNNING, "attempts": ATTEMPTS, "env": {"A": "1"}, "script": None}
    daemon.on("job.show", reply)
    assert json.loads(run("show", "12", "--json").out) == {"version": 1, **reply}


@pytest.mark.parametrize(
    ("shown", "hints"),
    [
        (queued(12), ["why it waits: labctl why 12", "cancel it: labctl cancel 12"]),
        (queued(12, state="blocked"), ["why it waits: labctl why 12", "cancel it: labctl cancel 12"]),
        (queued(12, state="held"), ["let it start: labctl release 12", "cancel it: labctl cancel 12"]),
        (job(12, state="paused"), ["let it go on: labctl resume 12", "end it: labctl cancel 12"]),
        (ended(12, "succeeded"), ["its output: labctl logs 12"]),
        (ended(12, "failed", exit_code=1), ["its output: labctl logs 12", "run it again: labctl retry 12"]),
        (ended(12, "cancelled", attempt=0, started=None), ["run it again: labctl retry 12"]),
    ],
)
def test_the_next_step_is_on_stderr(
    daemon: FakeDaemon, run: Labctl, shown: dict[str, object], hints: list[str]
) -> None:
    daemon.on("job.show", {"job": shown, "attempts": []})
    assert run("show", "last").err.splitlines() == ["", *(f"  hint: {hint}" for hint in hints)]
    assert daemon.params("job.show") == [{"job": "last"}]


def test_names_from_others_cannot_steer_the_terminal(daemon: FakeDaemon, run: Labctl) -> None:
    evil = job(
        name="\x1b]0;gotcha\x07", argv=["a\x9b2J"], reason="x\r\ny", state="failed", tags=["\u202eabc"]
    )
    daemon.on("job.show", {"job": evil, "attempts": []})
    daemon.on("job.list", {"jobs": [evil]})
    daemon.on("daemon.status", {})
    for words in (["show", "12"], ["status"]):
        out = run(*words).out
        assert all(char.isprintable() or char == "\n" for char in out)
        assert "\\x1b]0;gotcha\\x07" in out
