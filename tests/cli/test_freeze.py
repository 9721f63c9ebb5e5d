"""What ``labctl submit --snapshot`` takes, refuses, uploads and says, with real git."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from labd.cli import freeze, git, worktree
from labd.errors import UsageError
from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon, queued

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs the Debian package git")

PERSON = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def run_git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, env=os.environ | PERSON)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A commit with train.py, run.sh (executable), gone.py and a link; then changes that are not in it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    root = tmp_path / "p"
    (root / "sub").mkdir(parents=True)
    run_git(root, "init", "-q", "-b", "main")
    for name in ("train.py", "run.sh", "gone.py", "sub/deep.py"):
        (root / name).write_text(f"{name} 1\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("train.py")
    (root / ".gitignore").write_text("*.log\n.venv\n")
    run_git(root, "add", ".")
    run_git(root, "commit", "-qm", "one")
    (root / "train.py").write_text("train.py 2\n")
    (root / "gone.py").unlink()
    (root / "new.py").write_text("new\n")
    (root / "big.log").write_text("ignored\n")
    monkeypatch.chdir(root)
    return root


class Taker:
    """The blob store as labctl sees it."""

    def __init__(self, daemon: FakeDaemon) -> None:
        self.blobs: dict[str, bytes] = {}
        daemon.on("job.submit", {"job": queued(12), "created": True})
        daemon.on("job.defaults", {"snapshot_groups": ["train"], "max_snapshot": 10_000})
        daemon.on("blob.missing", lambda ask: {"missing": [d for d in ask["digests"] if d not in self.blobs]})
        daemon.on("blob.put", lambda ask: {"upload": None, "digest": self._keep(ask["data"]), "size": 0})
        daemon.on("blob.put_all", lambda ask: {"digests": [self._keep(data) for data in ask["blobs"]]})

    def _keep(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return digest

    def tree(self, code: dict[str, Any]) -> dict[str, Any]:
        return {entry["path"]: entry for entry in json.loads(self.blobs[code["manifest"]])}


@pytest.fixture
def taker(daemon: FakeDaemon) -> Taker:
    return Taker(daemon)


def spec(daemon: FakeDaemon) -> dict[str, Any]:
    found: dict[str, Any] = daemon.params("job.submit")[-1]["spec"]
    return found


def test_tracked_and_new_files_are_taken_and_no_ignored_ones(
    repository: Path, taker: Taker, daemon: FakeDaemon, run: Labctl
) -> None:
    assert run("submit", "--snapshot", "true") == (0, "Submitted job 12 (train).\n", "")
    code = spec(daemon)["code"]
    tree = taker.tree(code)
    assert sorted(tree) == [".gitignore", "link", "new.py", "run.sh", "sub/deep.py", "train.py"]
    assert tree["link"] == {"path": "link", "link": "train.py"}
    assert (tree["run.sh"]["mode"], tree["train.py"]["mode"]) == ("755", "644")
    assert taker.blobs[tree["train.py"]["digest"]] == b"train.py 2\n"
    assert (code["root"], code["files"], code["branch"]) == (str(repository), 5, "main")
    assert code["bytes"] == sum(entry.get("size", 0) for entry in tree.values())
    assert len(code["commit"]) == 40
    assert b"-train.py 1\n+train.py 2\n" in taker.blobs[code["diff"]]


def test_a_clean_tree_has_no_diff(repository: Path, taker: Taker, daemon: FakeDaemon, run: Labctl) -> None:
    run_git(repository, "add", ".")
    run_git(repository, "commit", "-qm", "two")
    run("submit", "--snapshot", "true")
    assert "diff" not in spec(daemon)["code"]


def test_only_what_is_new_travels(repository: Path, taker: Taker, daemon: FakeDaemon, run: Labctl) -> None:
    run("submit", "--snapshot", "true")
    sent = len(daemon.params("blob.put_all"))
    run("submit", "--snapshot", "true")
    assert len(daemon.params("blob.put_all")) == sent
    (repository / "new.py").write_text("newer\n")
    run("submit", "--snapshot", "true")
    assert daemon.params("blob.put_all")[sent:] == [{"blobs": [b"newer\n"]}]


def test_the_job_runs_at_its_place_in_the_tree(
    repository: Path, taker: Taker, daemon: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    alias = repository.parent / "alias"
    alias.symlink_to(repository)
    monkeypatch.chdir(repository / "sub")
    monkeypatch.setenv("PWD", str(alias / "sub"))
    run("submit", "--snapshot", "true")
    assert (spec(daemon)["cwd"], spec(daemon)["code"]["root"]) == (f"{repository}/sub", str(repository))
    monkeypatch.chdir("/")
    run("submit", f"--snapshot={alias}", "true")
    assert (spec(daemon)["cwd"], spec(daemon)["code"]["root"]) == ("/", str(repository))


def test_a_group_may_freeze_by_itself_and_no_snapshot_wins(
    repository: Path, taker: Taker, daemon: FakeDaemon, run: Labctl
) -> None:
    asked = {
        "--group train": True,
        "--group other": False,
        "--group train --no-snapshot": False,
        "--cpus 1": False,
    }
    found = {}
    for words in asked:
        run("submit", *words.split(), "true")
        found[words] = "code" in spec(daemon)
    assert found == asked


def test_what_is_too_large_is_refused_unread_with_the_largest_and_the_way_out(
    repository: Path, taker: Taker, daemon: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "data").mkdir()
    os.truncate(os.open(repository / "data/all.bin", os.O_CREAT | os.O_WRONLY), 10 * 2**30)
    monkeypatch.setattr(freeze, "_read", lambda *given: pytest.fail("it was read"))
    code, _, said = run("submit", "--snapshot", "true")
    assert code == 7
    assert "has 10 GiB; the limit for frozen code is 9.77 KiB (jobs.max_snapshot)" in said
    assert "The largest: data/ (10 GiB), " in said
    assert ".gitignore" in said
    assert [name for name, _ in daemon.calls if name.startswith("blob.")] == []


def test_too_many_files_are_refused(
    repository: Path, taker: Taker, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worktree, "MAX_FILES", 3)
    code, _, said = run("submit", "--snapshot", "true")
    assert (code, "has 6 files; frozen code may have 3. The most: " in said) == (7, True)


def test_without_git_all_but_junk_is_taken(
    tmp_path: Path, taker: Taker, daemon: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "plain"
    for name in (
        "a.py",
        "d/b.py",
        "__pycache__/a.pyc",
        "node_modules/x/y",
        "env/pyvenv.cfg",
        "env/bin/x",
        "c.pyc",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "to-d").symlink_to("d")
    os.mkfifo(root / "pipe")
    monkeypatch.chdir(root)
    said = run("submit", "--snapshot", "true").err
    code = spec(daemon)["code"]
    assert sorted(taker.tree(code)) == ["a.py", "d/b.py", "to-d"]
    assert "pipe is left out: it is no file, folder or link" in said
    assert not {"commit", "branch", "diff", "remote"} & code.keys()


def test_files_of_submodules_and_inner_repositories_are_taken(
    repository: Path, taker: Taker, daemon: FakeDaemon, run: Labctl
) -> None:
    inner = repository / "inner"
    inner.mkdir()
    run_git(inner, "init", "-q")
    (inner / "x.py").write_text("x")
    (inner / "y.log").write_text("y")
    (inner / ".gitignore").write_text("*.log\n")
    run("submit", "--snapshot", "true")
    assert {"inner/x.py", "inner/.gitignore"} <= taker.tree(spec(daemon)["code"]).keys()
    assert "inner/y.log" not in taker.tree(spec(daemon)["code"])


def test_a_repository_without_a_commit_is_fine(
    tmp_path: Path, taker: Taker, daemon: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_git(tmp_path, "init", "-q", "p")
    (tmp_path / "p/a").write_text("a")
    monkeypatch.chdir(tmp_path / "p")
    assert run("submit", "--snapshot", "true").code == 0
    assert not {"commit", "diff"} & spec(daemon)["code"].keys()


def test_what_git_refuses_is_said(
    repository: Path, taker: Taker, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / ".git/index").write_bytes(b"rubbish")
    code, _, said = run("submit", "--snapshot", "true")
    assert (code, f"git in {repository}: " in said, "--no-snapshot" in said) == (2, True, True)


def test_names_that_are_not_utf8_travel(
    repository: Path, taker: Taker, daemon: FakeDaemon, run: Labctl
) -> None:
    (repository / os.fsdecode(b"caf\xe9")).write_text("x")
    assert run("submit", "--snapshot", "true").code == 0
    assert os.fsdecode(b"caf\xe9") in taker.tree(spec(daemon)["code"])


def test_a_file_that_changes_meanwhile_is_refused(
    repository: Path, taker: Taker, daemon: FakeDaemon, run: Labctl
) -> None:
    def missing(ask: dict[str, Any]) -> dict[str, Any]:
        (repository / "new.py").write_text("something much longer than before\n")
        return {"missing": ask["digests"]}

    daemon.on("blob.missing", missing)
    code, _, said = run("submit", "--snapshot", "true")
    assert (code, "new.py changed while it was read" in said) == (2, True)
    assert daemon.params("job.submit") == []


def test_what_the_job_will_not_find_is_said(
    repository: Path, taker: Taker, daemon: FakeDaemon, run: Labctl
) -> None:
    program = repository / ".venv/bin/python"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (repository / "out").symlink_to("../data")
    said = run("submit", "--snapshot", ".venv/bin/python", f"{repository}/train.py").err
    assert spec(daemon)["argv"] == [str(program), f"{repository}/train.py"]
    assert ".venv/bin/python is not frozen: the job runs it from where it is" in said
    assert "train.py is the file itself, not the frozen one" in said
    assert "lead nowhere in its copy: out" in said


def test_a_dry_run_sends_nothing(repository: Path, taker: Taker, daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.submit", {"job": None, "created": False, "spec": {"argv": ["true"], "cwd": "/"}})
    assert f"of {repository} would be frozen." in run("submit", "--snapshot", "--dry-run", "true").err
    assert taker.blobs == {}
    assert "code" not in spec(daemon)


def test_a_folder_that_is_not_there_is_said(taker: Taker, run: Labctl) -> None:
    code, _, said = run("submit", "--snapshot=/no/such", "true")
    assert (code, "there is no folder /no/such" in said) == (2, True)


def test_a_long_diff_is_left_out_and_said(
    repository: Path, taker: Taker, daemon: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "MAX_DIFF", 10)
    assert "is above 10 bytes and not recorded" in run("submit", "--snapshot", "true").err
    assert "diff" not in spec(daemon)["code"]


def test_git_of_a_hook_around_us_does_not_mislead(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert git.toplevel(str(repository)) == str(repository)


def test_an_unreadable_file_is_named(repository: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.py cannot be read: No such file"):
        list(freeze._read(str(repository), "missing.py"))
    with pytest.raises(UsageError, match="link cannot be read"):
        list(freeze._read(str(repository), "link"))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@host/x.git", "https://host/x.git"),
        ("https://token@host:8443/x", "https://host:8443/x"),
        ("https://host/x?token=secret", "https://host/x"),
        ("ssh://git@host/x", "ssh://host/x"),
        ("git@host:x/y.git", "git@host:x/y.git"),
        ("/srv/x.git", "/srv/x.git"),
    ],
)
def test_the_remote_is_recorded_without_credentials(url: str, shown: str) -> None:
    assert git.public(url) == shown
