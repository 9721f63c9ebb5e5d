"""``labctl array`` and the tasks of ``labctl submit``: what travels, and how it is shown."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon, job, queued

TASKS = {"waiting": 95, "running": 1, "succeeded": 3, "failed": 1, "timed_out": 0, "lost": 0, "cancelled": 0}


def a_blob_store(daemon: FakeDaemon) -> dict[str, bytes]:
    """Lets *daemon* take blobs of one piece; what it has taken."""
    kept: dict[str, bytes] = {}

    def put(params: Any) -> Any:
        digest = hashlib.sha256(params["data"]).hexdigest()
        kept[digest] = params["data"]
        return {"upload": None, "digest": digest, "size": len(params["data"])}

    daemon.on("blob.put", put)
    return kept


@pytest.fixture
def accepting(daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeDaemon:
    daemon.on("job.submit", {"job": queued(12, tasks={"waiting": 100, "running": 0}), "created": True})
    monkeypatch.chdir(tmp_path)
    return daemon


def array(daemon: FakeDaemon) -> Any:
    return daemon.params("job.submit")[-1]["spec"].get("array")


@pytest.mark.parametrize(
    ("words", "ranges", "limit"),
    [
        ("0-99", [[0, 99, 1]], 0),
        ("1-9:2,20%4", [[1, 9, 2], [20, 20, 1]], 4),
        ("7", [[7, 7, 1]], 0),
    ],
)
def test_ranges_travel(accepting: FakeDaemon, run: Labctl, words: str, ranges: Any, limit: int) -> None:
    assert run("submit", "--array", words, "run.sh").out == "Submitted job 12 (train), 100 tasks.\n"
    assert array(accepting) == {"ranges": ranges, "limit": limit}


@pytest.mark.parametrize(
    "words", ["", "a", "5-1", "1-9:0", "1,,2", "1%0", "-3", "1-", "0-9%", "0-9999999999999999"]
)
def test_what_is_no_range_is_refused(accepting: FakeDaemon, run: Labctl, words: str) -> None:
    code, _, err = run("submit", f"--array={words}", "run.sh")
    assert code == 2
    assert "is no array, as 0-999" in err


def test_the_lines_of_a_file_are_sent_ahead(accepting: FakeDaemon, run: Labctl, tmp_path: Path) -> None:
    kept = a_blob_store(accepting)
    (tmp_path / "tasks").write_text("a b\n\n  \r\nc\r\nlast")
    assert run("submit", "--each-line", "tasks", "--at-once", "2", "echo", "{task}").code == 0
    digest = hashlib.sha256(b"a b\nc\nlast\n").hexdigest()
    assert list(kept) == [digest]
    assert array(accepting) == {"ranges": [[0, 2, 1]], "items": digest, "json": False, "limit": 2}


def test_tasks_may_come_from_stdin(
    accepting: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_blob_store(accepting)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"a": 1}\n')))
    assert run("submit", "--each-json", "-", "echo", "{task.a}").code == 0
    assert array(accepting)["json"] is True


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--array 0-9 --each-line f x", "from --array or from a file, not from both"),
        ("--each-json f --each-line f x", "two ways to say the same"),
        ("--at-once 3 x", "--at-once is for arrays"),
        ("--array 0-9 --follow x", "the tasks of an array have an output each"),
        ("--each-line - --script -", "stdin cannot be both"),
        ("--each-line nowhere x", "nowhere: No such file or directory"),
        ("--each-line /dev/null x", "/dev/null has no line, and each is a task"),
    ],
)
def test_contradictions_are_told(accepting: FakeDaemon, run: Labctl, words: str, message: str) -> None:
    a_blob_store(accepting)
    code, _, err = run("submit", *words.split())
    assert code == 2
    assert message in err
    assert accepting.params("job.submit") == []


def test_what_runs_and_what_failed_is_shown(daemon: FakeDaemon, run: Labctl) -> None:
    failed = job(17, state="failed", array=12, index=4, exit_code=3, position=4)
    untouched = [{"first": 5, "last": 99, "count": 95, "state": "queued"}]
    daemon.on("job.tasks", {"job": job(12, tasks=TASKS), "tasks": [failed], "untouched": untouched})
    out = run("array", "12").out
    assert "Tasks     100: 95 waiting, 1 running, 3 succeeded, 1 failed" in out
    assert "12_4  failed" in out
    assert "5-99  queued" in out
    assert "95 tasks" in out
    assert run("array", "12", "-q").out == "12_4\n"
    assert json.loads(run("array", "12", "--json").out)["more"] is False


def test_pages_are_asked_for_until_there_are_enough(daemon: FakeDaemon, run: Labctl) -> None:
    def page(params: Any) -> Any:
        first = -1 if params["above"] is None else params["above"]
        rows = [
            job(first + n, state="failed", array=12, index=first + n, position=first + n)
            for n in range(1, min(params["limit"], 1499 - first) + 1)
        ]
        return {"job": job(12, tasks=TASKS), "tasks": rows, "untouched": []}

    daemon.on("job.tasks", page)
    assert len(run("array", "12", "-q").out.split()) == 1500
    assert len(run("array", "12", "-q", "--limit", "7").out.split()) == 7
