"""``labctl submit``: what travels, what is printed, and what it leaves with."""

import json
from pathlib import Path
from typing import Any

import pytest

from labd.cli.source import Source
from labd.errors import (
    AlreadyRunning,
    ConfigError,
    Conflict,
    DeadlineExceeded,
    InternalError,
    LabdError,
    NotFound,
    NotPermitted,
    Overloaded,
    Refused,
    StateError,
    StoreUnavailable,
    UsageError,
)
from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon, Hangup, ended, queued


@pytest.fixture
def accepting(daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeDaemon:
    daemon.on("job.submit", {"job": queued(12), "created": True})
    monkeypatch.chdir(tmp_path)
    return daemon


def spec(daemon: FakeDaemon) -> dict[str, Any]:
    found: dict[str, Any] = daemon.params("job.submit")[-1]["spec"]
    return found


@pytest.mark.parametrize(
    ("words", "argv", "name"),
    [
        ("ls -l --name y", ["ls", "-l", "--name", "y"], "ls"),
        ("--name x ls -l --name y", ["ls", "-l", "--name", "y"], "x"),
        ("--name=x -- ls --json", ["ls", "--json"], "x"),
        ("-- --odd-program --cpus 3", ["--odd-program", "--cpus", "3"], "--odd-program"),
        ("ls -- -x", ["ls", "--", "-x"], "ls"),
        ("--cpus 2 python train.py --lr 0.1", ["python", "train.py", "--lr", "0.1"], "train"),
        (
            "--clean-env --tag a --tag b python3.11 -u -m lab.train",
            ["python3.11", "-u", "-m", "lab.train"],
            "lab",
        ),
        ("python -c print(1)", ["python", "-c", "print(1)"], "python"),
        ("--retries 1 /opt/bin/tool.sh", ["/opt/bin/tool.sh"], "tool"),
        ("show -x", ["show", "-x"], "show"),
    ],
)
def test_options_stand_before_the_command(
    accepting: FakeDaemon, run: Labctl, words: str, argv: list[str], name: str
) -> None:
    assert run("submit", *words.split()).code == 0
    assert (spec(accepting)["argv"], spec(accepting)["name"]) == (argv, name)


def test_every_option_reaches_the_spec(accepting: FakeDaemon, run: Labctl, tmp_path: Path) -> None:
    words = (
        "--name n --cpus 1.5 --mem 8G --gpus 2 --gpu-ids 0,1 --vram 8G --time 1h30m --grace 5s --retries 3"
        " --retry-delay 1m --priority -5 --tag a --tag b --cwd /data --clean-env --env A=1=2 --kind sweep"
        " --param lr=0.1 --param mode=fast --hold --begin 2026-09-22T08:00Z --retry-on 75,137 --group sweep"
        " --after 9,10:any --after 11:failed"
    )
    run("submit", *words.split(), "x")
    found = spec(accepting)
    env = found.pop("env")
    assert (env["A"], env["PWD"]) == ("1=2", "/data")
    assert found == {
        "argv": ["x"],
        "name": "n",
        "cpus": 1.5,
        "memory": 8 * 2**30,
        "gpus": 2,
        "gpu_ids": [0, 1],
        "vram": 8 * 2**30,
        "time_limit": 5400.0,
        "grace": 5.0,
        "retries": 3,
        "retry_delay": 60.0,
        "priority": -5,
        "tags": ["a", "b"],
        "cwd": "/data",
        "kind": "sweep",
        "params": {"lr": 0.1, "mode": "fast"},
        "hold": True,
        "begin": 1_790_064_000.0,
        "retry_on": [75, 137],
        "group": "sweep",
        "after": [{"job": 9, "when": "ok"}, {"job": 10, "when": "any"}, {"job": 11, "when": "failed"}],
    }


@pytest.mark.parametrize(("words", "gpus"), [("1", "1"), ("2.0", "2"), ("0.25", "0.25"), (".5", "0.5")])
def test_a_number_of_gpus_is_whole_or_a_part_of_one(
    accepting: FakeDaemon, run: Labctl, words: str, gpus: str
) -> None:
    assert run("submit", "--gpus", words, "true").code == 0
    assert json.dumps(spec(accepting)["gpus"]) == gpus


def test_a_job_to_come_after_is_looked_up_before_the_submission(accepting: FakeDaemon, run: Labctl) -> None:
    ids = {"last": 11, "a:b": 7}
    accepting.on("job.find", lambda params: {"ids": [ids[name] for name in params["jobs"]]})
    run("submit", "--after", "last, 3:any,a:b:failed", "true")
    assert spec(accepting)["after"] == [
        {"job": 11, "when": "ok"},
        {"job": 3, "when": "any"},
        {"job": 7, "when": "failed"},
    ]


def test_a_job_to_come_after_that_is_not_there_leaves_with_4(accepting: FakeDaemon, run: Labctl) -> None:
    accepting.on("job.show", NotFound("there is no job 'trian'"))
    assert run("submit", "--after", "trian", "true").code == 4
    assert accepting.params("job.submit") == []


def test_what_is_not_given_is_left_to_the_daemon(accepting: FakeDaemon, run: Labctl, tmp_path: Path) -> None:
    run("submit", "true")
    assert set(spec(accepting)) == {"argv", "name", "cwd", "env"}
    assert spec(accepting)["cwd"] == str(tmp_path)


def test_the_specs_are_what_the_api_accepts(accepting: FakeDaemon, run: Labctl) -> None:
    import msgspec

    from labd.api import JobSpec

    policy = ["--after", "3", "--begin", "+2h", "--retry-on", "75", "--group", "g", "--hold"]
    run("submit", "--cpus", "2", "--gpu-ids", "1", "--tag", "a", "--time", "5m", *policy, "true", "x")
    assert msgspec.convert(spec(accepting), JobSpec).argv == ("true", "x")


def test_the_answer_is_a_sentence_an_id_or_json(accepting: FakeDaemon, run: Labctl) -> None:
    assert run("submit", "true") == (0, "Submitted job 12 (train).\n", "")
    assert run("submit", "-q", "true").out == "12\n"
    assert json.loads(run("submit", "--json", "true").out) == {
        "version": 1,
        "job": queued(12),
        "created": True,
    }


def test_r5_each_submission_has_a_key_and_a_given_one_is_kept(accepting: FakeDaemon, run: Labctl) -> None:
    run("submit", "true")
    run("submit", "true")
    run("submit", "--key", "night", "true")
    first, second, third = (params["key"] for params in accepting.params("job.submit"))
    assert first != second
    assert third == "night"


def test_r5_a_submission_whose_answer_was_lost_is_sent_again_with_its_key(
    accepting: FakeDaemon, run: Labctl
) -> None:
    accepting.script("job.submit", Hangup(), {"job": queued(12), "created": False})
    code, out, err = run("submit", "true")
    assert (code, out) == (0, "Job 12 (train) was submitted with this key before.\n")
    first, second = accepting.params("job.submit")
    assert first == second
    assert "labd went away" in err


def test_a_dry_run_shows_the_job_and_keeps_stdout_for_it(accepting: FakeDaemon, run: Labctl) -> None:
    shown = {
        "argv": ["python", "a b.py"],
        "name": "a b",
        "cwd": "/data",
        "cpus": 2.0,
        "memory": 2**30,
        "hold": True,
    }
    accepting.on("job.submit", {"job": None, "created": False, "spec": shown})
    code, out, err = run("submit", "--dry-run", "python", "a b.py")
    assert out == (
        "Name     a b\nCommand  python 'a b.py'\nFolder   /data\nTakes    2 cores, 1G memory\n"
        "Held     until `labctl release`\n"
    )
    assert (code, err) == (0, "Nothing is submitted.\n")
    assert accepting.params("job.submit")[0]["dry_run"] is True


@pytest.mark.parametrize(
    ("state", "fields", "code"),
    [
        ("succeeded", {"exit_code": 0}, 0),
        ("failed", {"exit_code": 3}, 3),
        ("failed", {"signal": 9}, 137),
        ("failed", {}, 1),
        ("cancelled", {"signal": 15}, 1),
        ("timed_out", {"signal": 15}, 8),
        ("lost", {}, 1),
    ],
)
def test_wait_leaves_with_the_jobs_own_code(
    accepting: FakeDaemon, run: Labctl, state: str, fields: dict[str, Any], code: int
) -> None:
    accepting.on("job.wait", {"jobs": [ended(12, state, **fields)]})
    got, out, err = run("submit", "--wait", "true")
    assert (got, out) == (code, "Submitted job 12 (train).\n")
    assert err.startswith(f"Job 12 (train) {state.replace('_', ' ')} after 4m00s")


def test_wait_with_json_prints_one_object_at_the_end(accepting: FakeDaemon, run: Labctl) -> None:
    done = ended(12, "failed", exit_code=4)
    accepting.on("job.wait", {"jobs": [done]})
    code, out, err = run("submit", "--wait", "--json", "true")
    assert (code, json.loads(out), err) == (4, {"version": 1, "job": done, "created": True}, "")


def test_follow_writes_the_output_of_every_attempt_and_nothing_else(
    accepting: FakeDaemon, run: Labctl
) -> None:
    accepting.script(
        "job.show",
        {"job": queued(12, attempt=1)},
        {"job": ended(12, "succeeded", attempt=2)},
    )
    texts = {1: b"first\xff\n", 2: b"second\n"}
    accepting.on("job.log", lambda p: _log(texts[p["attempt"]], p))
    code, out, _ = run("submit", "--follow", "true")
    assert (code, out) == (0, "first\ufffd\nsecond\n")


def _log(data: bytes, params: dict[str, Any]) -> dict[str, Any]:
    """One byte at a time."""
    start = params["offset"]
    chunk = data[start : start + 1]
    return {
        "data": chunk,
        "offset": start + len(chunk),
        "end": start + 1 >= len(data),
        "attempt": params["attempt"],
    }


def test_follow_and_json_exclude_each_other(run: Labctl) -> None:
    code, _, err = run("submit", "--follow", "--json", "true")
    assert code == 2
    assert json.loads(err)["error"]["hint"] == "use --wait --json"


def test_nothing_to_run_is_a_usage_error(run: Labctl) -> None:
    code, out, err = run("submit", "--cpus", "2")
    assert (code, out) == (2, "")
    assert "there is nothing to run" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--cpu 2 ls", "there is no option --cpu\n  hint: did you mean `--cpus`?"),
        ("--cores 4 ls", "there is no option --cores\n  hint: did you mean `--cpus`?"),
        ("-c 4 ls", "there is no option -c\n  hint: did you mean `--cpus`?"),
        ("--limit=1h ls", "there is no option --limit\n  hint: did you mean `--time`?"),
        ("--mem 100 ls", '--mem: "100" is that many bytes: did you mean 100M?'),
        ("--mem 8X ls", '--mem: "8X" is not a size'),
        ("--time soon ls", '--time: "soon" is not a time'),
        ("--cpus two ls", "--cpus: invalid float value: 'two'"),
        ("--gpu-ids a ls", '--gpu-ids: "a" is no list of GPU numbers'),
        ("--gpus 1.5 ls", '--gpus: "1.5" is no number of GPUs: write a whole number, or a part'),
        ("--gpus 0.0001 ls", '--gpus: "0.0001" is no number of GPUs'),
        ("--gpus nan ls", '--gpus: "nan" is no number of GPUs'),
        ("--vram 8X ls", '--vram: "8X" is not a size'),
        ("--name", "--name: expected one argument"),
        ("--priority high ls", '--priority: "high" is no priority: write a whole number, as 10 or -5'),
        ("--begin soon ls", '--begin: "soon" is no moment: write 2030-01-31T08:00, 18:30 or +2h'),
        (
            "--after 12:okay ls",
            '--after: "12:okay": write :ok, :any or :failed after the job, as in 12:failed',
        ),
        ("--after 12,,13 ls", '--after: "" names no job: write a job, as in 12 or train:any'),
        ("--after :any ls", '--after: ":any" names no job'),
        ("--retry-on 75,x ls", '--retry-on: "75,x" is no list of exit codes from 1 to 255, as 75,137 is'),
        ("--retry-on 256 ls", '--retry-on: "256" is no list of exit codes'),
        ("--retry-on 0 ls", '--retry-on: "0" is no list of exit codes'),
        ("--group= ls", '--group: "" is no name of a group, as sweep-3 is'),
        ("--env =1 ls", "--env =1: there is nothing to set"),
        ("--env LABD_NO_SUCH ls", "--env LABD_NO_SUCH: there is nothing to set"),
        ("--param x ls", "x is not KEY=VALUE"),
        ("--script /no/such/file", "--script /no/such/file: No such file or directory"),
    ],
)
def test_a_wrong_option_is_named(run: Labctl, words: str, message: str) -> None:
    code, out, err = run("submit", *words.split())
    assert (code, out) == (2, "")
    assert err.startswith(f"labctl: wrong argument: {message}")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("m"), 2),
        (ConfigError("m"), 9),
        (NotPermitted("m"), 5),
        (Conflict("m"), 6),
        (Refused("m"), 7),
        (Overloaded("m"), 7),
        (StoreUnavailable("m"), 7),
        (DeadlineExceeded("m"), 8),
        (StateError("m"), 11),
        (AlreadyRunning("m"), 10),
        (InternalError("m"), 1),
        (LabdError("m"), 1),
    ],
)
def test_each_error_of_the_daemon_has_its_exit_code(
    accepting: FakeDaemon, run: Labctl, error: LabdError, code: int
) -> None:
    accepting.on("job.submit", error)
    assert run("submit", "true") == (code, "", f"labctl: {error.title}: m\n")


def test_an_error_is_json_on_stderr_when_json_is_asked_for(accepting: FakeDaemon, run: Labctl) -> None:
    accepting.on("job.submit", Refused("the disk is full", hint="make room", data={"free": 0}))
    code, out, err = run("submit", "--json", "true")
    assert (code, out) == (7, "")
    assert json.loads(err) == {
        "version": 1,
        "error": {
            "code": "refused",
            "title": "refused",
            "message": "the disk is full",
            "hint": "make room",
            "data": {"free": 0},
        },
    }


def test_the_commands_own_json_option_is_not_labctls(accepting: FakeDaemon, run: Labctl) -> None:
    accepting.on("job.submit", Refused("no"))
    assert run("submit", "true", "--json").err == "labctl: refused: no\n"


@pytest.mark.parametrize(
    ("words", "note"),
    [
        (["labd-no-such"], "labd-no-such is not on the PATH here"),
        (
            ["sleep", "9", "--name=foo"],
            "--name after the command goes to the command; put it before, or write -- to say so",
        ),
        (
            ["--timeout", "1h", "true"],
            "--timeout is how long labctl waits for an answer of labd; --time limits the job",
        ),
        (
            ["--begin", "2026-09-21T12:13:20Z", "true"],
            "--begin is past, 2026-09-21 12:13:20 (2h00m ago): the job may start at once",
        ),
    ],
)
@pytest.mark.usefixtures("utc")
def test_what_looks_like_a_slip_is_noted(
    accepting: FakeDaemon, run: Labctl, words: list[str], note: str
) -> None:
    assert run("submit", *words) == (0, "Submitted job 12 (train).\n", f"labctl: note: {note}\n")
    assert run("submit", "--json", *words).err == ""


@pytest.mark.parametrize(
    "words",
    [
        "-- sleep 9 --name foo",
        "env -- --name foo",
        "sleep 9 --names",
        "--script - no-such",
        "--kind sweep no-such",
    ],
)
def test_what_is_meant_is_not_noted(
    accepting: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setattr("labd.cli.source.shipped", lambda script: Source(script, "echo"))
    assert run("submit", *words.split()).err == ""


def test_a_shell_line_in_one_word_is_refused_and_a_file_of_that_name_is_not(
    accepting: FakeDaemon, run: Labctl, tmp_path: Path
) -> None:
    code, _, err = run("submit", "sleep 5; echo hi")
    assert (code, accepting.params("job.submit")) == (2, [])
    assert err.endswith("hint: for a shell line: labctl submit -- sh -c 'sleep 5; echo hi'\n")
    (tmp_path / "my tool").write_text("#!/bin/sh\n")
    (tmp_path / "my tool").chmod(0o755)
    assert run("submit", "my tool").code == 0


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize(
    ("begin", "shown"), [("18:00", "18:00 (in 3h46m)"), ("8:00", "2026-09-22 08:00 (in 17h46m)")]
)
def test_the_answer_says_when_it_will_begin(
    accepting: FakeDaemon, run: Labctl, begin: str, shown: str
) -> None:
    accepting.on("job.submit", lambda p: {"job": queued(12, begin=p["spec"]["begin"]), "created": True})
    assert run("submit", "--begin", begin, "true").out == f"Submitted job 12 (train), to begin at {shown}.\n"


def test_a_job_that_ended_as_it_was_submitted_is_told(accepting: FakeDaemon, run: Labctl) -> None:
    gone = ended(12, "cancelled", started=None, reason="job 3 failed")
    accepting.on("job.submit", {"job": gone, "created": True})
    said = "Job 12 (train) ended at once: cancelled: job 3 failed.\n"
    assert run("submit", "--after", "3", "true") == (0, "Submitted job 12 (train).\n", said)
    assert run("submit", "-q", "--after", "3", "true") == (0, "12\n", said)


def test_ctrl_c_while_waiting_leaves_the_job_alone(
    accepting: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("labd.cli.watch.wait_ended", interrupted)
    code, out, err = run("submit", "--wait", "true")
    assert (code, out) == (130, "Submitted job 12 (train).\n")
    assert "job 12 (train) goes on; `labctl cancel 12` ends it" in err
    assert accepting.params("job.cancel") == []
