"""Frozen code comes back: ``labctl checkout``, ``labctl show`` and ``labctl show --diff``."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from labd.errors import NotFound, NotPermitted
from labd.jobs.manifest import File, Link, encode
from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon, job

DIFF = b"--- a\n+++ b\n"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Keeper:
    """Serves blobs three bytes at a time."""

    def __init__(self, daemon: FakeDaemon, made: bytes, *data: bytes) -> None:
        self.blobs = {digest(blob): blob for blob in (made, DIFF, *data)}
        self.code = {"manifest": digest(made), "root": "/p", "files": 2, "bytes": 9, "diff": digest(DIFF)}
        self.code |= {"commit": "0123456789abcdef", "branch": "main", "remote": "https://host/x"}
        daemon.on("blob.get", self._piece)
        daemon.on("job.code", lambda ask: {"job": 12, "code": self.code})
        daemon.on("job.show", lambda ask: {"job": job(12), "attempts": [], "code": self.code})

    def _piece(self, ask: dict[str, Any]) -> dict[str, Any]:
        blob, start = self.blobs[ask["digest"]], ask["offset"]
        return {"data": blob[start : start + 3], "offset": min(start + 3, len(blob)), "size": len(blob)}


@pytest.fixture
def keeper(daemon: FakeDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keeper:
    monkeypatch.chdir(tmp_path)
    files = [
        File("a", digest(b"one"), 3),
        File("sub/run", digest(b"second"), 6, True),
        File("e", digest(b""), 0),
    ]
    return Keeper(
        daemon, encode(files, [Link("sub/l", "../a"), Link("deep/l", "/etc")]), b"one", b"second", b""
    )


def test_the_tree_is_written_as_it_was(keeper: Keeper, run: Labctl, tmp_path: Path) -> None:
    assert run("checkout", "12") == (0, f"Wrote 3 files of job 12 to {tmp_path}/job-12.\n", "")
    found = tmp_path / "job-12"
    assert ((found / "a").read_bytes(), (found / "sub/run").read_bytes()) == (b"one", b"second")
    assert (found / "e").read_bytes() == b""
    assert (os.access(found / "sub/run", os.X_OK), os.access(found / "a", os.X_OK)) == (True, False)
    assert (os.readlink(found / "sub/l"), os.readlink(found / "deep/l")) == ("../a", "/etc")


def test_for_programs(keeper: Keeper, run: Labctl, tmp_path: Path) -> None:
    told = json.loads(run("checkout", "train", "x", "--json").out)
    assert told == {"version": 1, "job": 12, "folder": f"{tmp_path}/x", "files": 3, "bytes": 9}
    assert run("checkout", "12", "y", "-q").out == f"{tmp_path}/y\n"


def test_nothing_is_written_where_something_is(keeper: Keeper, run: Labctl, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "full/x").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    assert (run("checkout", "12", "file").code, run("checkout", "12", "full").code) == (2, 2)
    assert "is not empty" in run("checkout", "12", "full").err
    assert run("checkout", "12", "empty").code == 0


def test_a_hostile_tree_is_not_written(daemon: FakeDaemon, run: Labctl, tmp_path: Path) -> None:
    for entries in (
        ([File("../x", digest(b"one"), 3)], []),
        ([File("l/x", digest(b"one"), 3)], [Link("l", "..")]),
    ):
        Keeper(daemon, encode(*entries), b"one")
        assert run("checkout", "12", str(tmp_path / "new")).code == 2
        assert not (tmp_path / "x").exists()
        assert list((tmp_path / "new").iterdir()) == []


def test_damaged_bytes_are_said(keeper: Keeper, run: Labctl) -> None:
    keeper.blobs[digest(b"one")] = b"two"
    code, _, said = run("checkout", "12")
    assert (code, f"blob {digest(b'one')} of job 12 is damaged" in said) == (11, True)


@pytest.mark.parametrize(("error", "code"), [(NotFound("no frozen code"), 4), (NotPermitted("not yours"), 5)])
def test_refusals_leave_no_folder(
    keeper: Keeper, daemon: FakeDaemon, run: Labctl, tmp_path: Path, error: Exception, code: int
) -> None:
    daemon.on("job.code", error)
    assert run("checkout", "12", "new").code == code
    assert not (tmp_path / "new").exists()


def test_show_says_where_the_code_comes_from(keeper: Keeper, run: Labctl) -> None:
    said = [line.split(maxsplit=1) for line in run("show", "12").out.splitlines()]
    assert ["Frozen", "2 files of /p"] in said
    assert ["Commit", "0123456789ab on main, with changes"] in said
    assert ["Remote", "https://host/x"] in said


def test_the_diff_is_printed_byte_for_byte(
    keeper: Keeper, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("show", "12", "--diff") == (0, DIFF.decode(), "")
    told = json.loads(run("show", "12", "--diff", "--json").out)
    assert told == {"version": 1, "job": 12, "commit": "0123456789abcdef", "diff": DIFF.decode()}
    monkeypatch.setenv("PAGER", "sed s/^/paged:/")
    assert run("show", "12", "--diff", "--pager").out == "paged:--- a\npaged:+++ b\n"


def test_a_job_without_a_diff_says_why(keeper: Keeper, run: Labctl) -> None:
    del keeper.code["diff"]
    code, _, said = run("show", "12", "--diff")
    assert (code, "the code of job 12 has no diff: it was the same as its commit" in said) == (4, True)
