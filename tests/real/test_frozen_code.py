"""Frozen code with a real daemon and real git: what runs is what was there at submit."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from labd.jobs.manifest import File, encode
from labd.wire.blocking import Client
from tests.daemon_process import CLEAN, PATIENCE, DaemonProcess
from tests.real.test_users import ALICE, BOB, as_user, ask, shared
from tests.support import wait_until

__all__ = ["shared"]

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("git") is None, reason="needs the Debian package git"),
]

PERSON = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def run_git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, env=CLEAN | PERSON)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "p"
    (root / "sub").mkdir(parents=True)
    run_git(root, "init", "-q", "-b", "main")
    (root / "say.sh").write_text("#!/bin/sh\necho OLD; pwd; ls -A\n")
    (root / "say.sh").chmod(0o755)
    (root / "sub/data").write_text("data")
    (root / "link").symlink_to("sub/data")
    (root / ".gitignore").write_text("*.log\n")
    run_git(root, "add", ".")
    run_git(root, "commit", "-qm", "one")
    (root / "huge.log").write_text("ignored")
    (root / "sub/new").write_bytes(os.urandom(3_000_000))
    return root


def run_labctl(daemon: DaemonProcess, where: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "labd.cli.labctl", *words], env=CLEAN | {"LABD_SOCKET": daemon.socket},
        cwd=where, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def labctl(daemon: DaemonProcess, where: Path, *words: str) -> str:
    done = run_labctl(daemon, where, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def submit(daemon: DaemonProcess, where: Path, *words: str) -> int:
    return int(labctl(daemon, where, "submit", "--quiet", "--snapshot", *words))


def output(daemon: DaemonProcess, job: int, number: int = 1) -> list[str]:
    return (daemon.attempt(job, number) / "out.log").read_text().splitlines()


def test_a_job_runs_the_code_of_its_submission(daemon: DaemonProcess, repository: Path) -> None:
    job = submit(daemon, repository, "--hold", "./say.sh")
    (repository / "say.sh").write_text("#!/bin/sh\necho NEW\n")
    daemon.call("job.release", {"job": job})
    assert daemon.ended(job)[0]["state"] == "succeeded"
    code = daemon.attempt(job) / "code"
    assert output(daemon, job) == ["OLD", str(code), ".gitignore", "link", "say.sh", "sub"]
    assert os.readlink(code / "link") == "sub/data"


def test_each_attempt_has_a_fresh_copy_at_the_place_of_the_submission(
    daemon: DaemonProcess, repository: Path
) -> None:
    job = submit(
        daemon, repository / "sub", "--retries", "1", "sh", "-c", "pwd; cat data; echo x > data; exit 1"
    )
    assert daemon.ended(job)[0]["state"] == "failed"
    for number in (1, 2):
        assert output(daemon, job, number) == [str(daemon.attempt(job, number) / "code/sub"), "data"]
    assert (repository / "sub/data").read_text() == "data"


def test_a_second_submission_uploads_nothing_new(daemon: DaemonProcess, repository: Path) -> None:
    def blobs() -> dict[str, float]:
        found = Path(daemon.state, "blobs").glob("??/*")
        return {path.name: path.stat().st_ino for path in found}

    first = submit(daemon, repository, "true")
    before = blobs()
    second = submit(daemon, repository, "true")
    assert blobs() == before
    codes = [daemon.call("job.code", {"job": job})["code"] for job in (first, second)]
    assert codes[0] == codes[1]


def test_the_tree_comes_back(daemon: DaemonProcess, repository: Path, tmp_path: Path) -> None:
    (repository / "say.sh").write_text("#!/bin/sh\necho CHANGED\n")
    job = submit(daemon, repository, "true")
    copy = tmp_path / "copy"
    labctl(daemon, tmp_path, "checkout", str(job), str(copy))
    same = ["diff", "-r", "--no-dereference", "-x", ".git", "-x", "*.log", repository, copy]
    assert subprocess.run(same, capture_output=True, text=True, check=False).stdout == ""
    assert os.access(copy / "say.sh", os.X_OK)
    assert "-echo OLD; pwd; ls -A\n+echo CHANGED" in labctl(daemon, tmp_path, "show", "--diff", str(job))
    shown = labctl(daemon, tmp_path, "show", str(job))
    assert f"4 files of {repository}" in shown
    assert " on main, with changes" in shown
    assert daemon.labctl("checkout", str(job), str(copy)).returncode == 2


def test_frozen_code_survives_a_kill_before_the_start(daemon: DaemonProcess, repository: Path) -> None:
    job = submit(daemon, repository, "--hold", "./say.sh")
    daemon.restart()
    (repository / "say.sh").unlink()
    daemon.call("job.release", {"job": job})
    daemon.restart()
    assert daemon.ended(job)[0]["state"] == "succeeded"
    assert output(daemon, job, daemon.job(job)["attempt"])[0] == "OLD"
    assert os.listdir(f"{daemon.state}/unpacked") == []


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_job_whose_code_is_lost_is_held_with_the_cause(
    daemon: DaemonProcess, repository: Path, damage: str
) -> None:
    job = submit(daemon, repository, "--hold", "./say.sh")
    [script] = [path for path in Path(daemon.state, "blobs").glob("??/*") if b"echo OLD" in path.read_bytes()]
    kept = script.read_bytes()
    script.write_bytes(b"#!/bin/sh\n") if damage == "changed" else script.unlink()
    daemon.call("job.release", {"job": job})
    daemon.until_event("job.never_began")
    held = daemon.until_state(job, "held")
    assert "could not be launched: say.sh: " in held["reason"]
    assert ("has changed on disk" if damage == "changed" else "no blob") in held["reason"]
    script.write_bytes(kept)
    daemon.call("job.release", {"job": job})
    assert daemon.ended(job)[0]["state"] == "succeeded"


def test_ten_gigabytes_are_refused_before_anything_is_sent(daemon: DaemonProcess, repository: Path) -> None:
    os.truncate(os.open(repository / "model.bin", os.O_CREAT | os.O_WRONLY), 10 * 2**30)
    done = run_labctl(daemon, repository, "submit", "--snapshot", "true")
    assert (done.returncode, "model.bin (10 GiB)" in done.stderr) == (7, True)
    assert list(Path(daemon.state, "blobs").glob("??/*")) == []


def test_what_a_client_leaves_unfinished_goes_with_it(daemon: DaemonProcess) -> None:
    with daemon.client() as client:
        assert client.call("blob.put", {"data": b"half", "last": False})["upload"]
        assert len(os.listdir(f"{daemon.state}/uploads")) == 1
    wait_until(lambda: os.listdir(f"{daemon.state}/uploads") == [], PATIENCE)
    with daemon.client() as client:
        client.call("blob.put", {"data": b"half", "last": False})
        daemon.restart()
    assert os.listdir(f"{daemon.state}/uploads") == []


def freeze_as(daemon: DaemonProcess, who: pwd.struct_passwd, path: str, data: bytes) -> Any:
    """Submit a job of *who* with one frozen file at *path*; the answer."""

    def work() -> Any:
        with Client(daemon.socket, 60) as client:
            digest = client.call("blob.put", {"data": data})["digest"]
            made = encode([File(path, digest, len(data), True)], [])
            named = client.call("blob.put", {"data": made})["digest"]
            code = {"manifest": named, "root": "/home/x", "files": 1, "bytes": len(data)}
            argv = ["/bin/sh", "-c", "cat file; stat -c %u . file; echo mine > file; echo $LABD_CODE_DIR"]
            spec = {"argv": argv, "cwd": "/home/x", "env": {"PATH": "/usr/bin:/bin"}, "code": code}
            return client.call("job.submit", {"spec": spec})["job"]["id"], code

    return as_user(who, work)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be several users")
def test_the_tree_belongs_to_the_submitter_and_nobody_else_gets_it(shared: DaemonProcess) -> None:
    job, code = freeze_as(shared, ALICE, "file", b"secret\n")
    assert shared.ended(job)[0]["state"] == "succeeded"
    uid = str(ALICE.pw_uid)
    assert output(shared, job) == ["secret", uid, uid, str(shared.attempt(job) / "code")]
    assert (shared.attempt(job) / "code").stat().st_mode & 0o777 == 0o700
    for method, more in (("job.code", {}), ("blob.get", {"digest": code["manifest"]})):
        assert ask(shared, BOB, method, job=job, **more)["code"] == "not_permitted"
    assert ask(shared, BOB, "job.show", job=job)["code"] is None
    stolen = {"argv": ["true"], "cwd": "/", "code": code}
    refused = ask(shared, BOB, "job.submit", spec=stolen)
    assert (refused["code"], "has put no blob" in refused["message"]) == ("usage", True)
    missing = ask(shared, BOB, "blob.missing", digests=[code["manifest"]])
    assert missing == {"missing": [code["manifest"]]}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be several users")
@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x"])
def test_a_hostile_tree_is_refused(shared: DaemonProcess, path: str) -> None:
    refused = freeze_as(shared, ALICE, path, b"x")
    assert (refused["code"], "an entry that is none" in refused["message"]) == ("usage", True)
