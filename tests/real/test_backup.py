"""A backup of a daemon at work, and what a daemon makes of the state that is restored from it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.daemon_process import CLEAN, PATIENCE, DaemonProcess
from tests.real.folding import differences
from tests.support import wait_until

pytestmark = pytest.mark.real

Made = Callable[..., DaemonProcess]


def labd(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "labd", *words], env=CLEAN, capture_output=True, text=True, timeout=PATIENCE,
        check=False,
    )  # fmt: skip


def backup(daemon: DaemonProcess, name: str = "b.tar.gz", *words: str) -> str:
    file = f"{daemon.folder}/{name}"
    done = labd("backup", file, "--state", daemon.state, *words)
    assert done.returncode == 0, done.stderr
    return file


@pytest.mark.parametrize("name", ["b.tar", "b.tar.gz", "b.tar.zst"])
def test_a_backup_of_a_running_daemon_becomes_its_state_elsewhere(
    daemon: DaemonProcess, make_daemon: Made, name: str
) -> None:
    if name.endswith("zst") and not shutil.which("zstd"):
        pytest.skip("needs zstd (Debian: zstd)")
    done = daemon.shell(
        "echo out; mkdir $LABD_RUN_DIR/sub; ln -s sub $LABD_RUN_DIR/link; exit 3", name="done"
    )
    daemon.ended(done)
    running = daemon.shell("echo begun; exec sleep 600", name="running", retries=2)
    daemon.until_state(running, "running")
    waiting = daemon.submit("/bin/true", name="waiting", cpus=8)
    wait_until((daemon.attempt(running) / "out.log").read_text)
    file = backup(daemon, name)
    process = json.loads((daemon.attempt(running) / "started").read_text())

    other = make_daemon()
    told = labd("restore", file, "--state", other.state, "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["about"]["attempts"] == 2
    other.start()
    other.until_state(running, "held")
    other.until_event("store.restored")  # what is listed is what is on the disk
    jobs = {job["name"]: job for job in other.call("job.list", {})["jobs"]}
    assert (jobs["done"]["state"], jobs["done"]["exit_code"]) == ("failed", 3)
    assert os.readlink(other.attempt(done) / "run/link") == "sub"
    assert other.call("job.log", {"job": done})["data"] == b"out\n"
    assert other.call("job.log", {"job": running})["data"] == b"begun\n"
    assert other.attempts(running)[0]["state"] == "lost"
    assert jobs["running"]["state"] == "held"
    other.ended(waiting)
    [event] = other.events("store.restored")
    assert event["data"]["lost"] == [running]
    assert other.call("daemon.status")["epoch"] != daemon.call("daemon.status")["epoch"]
    assert differences(other.state) == []
    # the first daemon and its job never noticed
    assert daemon.job(running)["state"] == "running"
    assert os.path.exists(f"/proc/{process['pid']}")
    other.restart()
    assert len(other.events("store.restored")) == 1


def test_what_ended_before_its_folder_was_copied_is_known_and_jobs_can_be_held(
    daemon: DaemonProcess, make_daemon: Made
) -> None:
    end = Path(daemon.folder, "end")
    job = daemon.shell(f"until [ -e {end} ]; do sleep 0.05; done; exit 7")
    daemon.until_state(job, "running")
    daemon.kill(signal.SIGKILL)
    end.touch()
    daemon.until_exit(job)
    file = backup(daemon)
    other = make_daemon()
    assert labd("restore", file, "--state", other.state, "--hold").returncode == 0
    other.start()
    assert other.ended(job)[0]["exit_code"] == 7
    assert other.events("store.restored")[0]["data"]["lost"] == []


def test_held_on_request(daemon: DaemonProcess, make_daemon: Made) -> None:
    daemon.submit("/bin/true", begin=4e9)
    file = backup(daemon, "b.tar", "--no-folders")
    other = make_daemon()
    assert labd("restore", file, "--state", other.state, "--hold").returncode == 0
    other.start()
    assert [job["state"] for job in other.call("job.list", {})["jobs"]] == ["held"]


def test_a_restore_goes_into_an_empty_place_only_and_not_under_a_daemon(daemon: DaemonProcess) -> None:
    file = backup(daemon)
    assert labd("restore", file, "--state", daemon.state).returncode == 6
    empty = Path(daemon.folder, "e")
    assert labd("restore", file, "--state", str(empty), "--dry-run").returncode == 0
    assert not empty.exists()
    assert labd("backup", file, "--state", daemon.state).returncode == 6


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace (Debian: strace)")
@pytest.mark.parametrize(("call", "first"), [("write", 20), ("linkat", 1), ("fsync", 1)])
def test_a_backup_that_is_killed_leaves_nothing(daemon: DaemonProcess, call: str, first: int) -> None:
    daemon.ended(daemon.shell("head -c 3000000 /dev/zero"))
    place = Path(daemon.folder, "k")
    place.mkdir()
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:signal=SIGKILL:when={first}"]
    done = subprocess.run(
        [*strace, sys.executable, "-m", "labd", "backup", f"{place}/b.tar", "--state", daemon.state],
        env=CLEAN, capture_output=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    left = os.listdir(place)
    assert left in ([], ["b.tar"])
    if left:
        assert labd("restore", f"{place}/b.tar", "--state", f"{place}/s", "--dry-run").returncode == 0


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace (Debian: strace)")
@pytest.mark.parametrize(
    ("call", "first"), [("mkdir", 2), ("write", 3), ("rename", 1), ("rename", 2), ("rmdir", 1)]
)
def test_a_restore_that_is_killed_is_no_state_and_can_be_repeated(
    daemon: DaemonProcess, make_daemon: Made, call: str, first: int
) -> None:
    job = daemon.shell("echo kept")
    daemon.ended(job)
    file = backup(daemon)
    other = make_daemon()
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:signal=SIGKILL:when={first}"]
    done = subprocess.run(
        [*strace, sys.executable, "-m", "labd", "restore", file, "--state", other.state],
        env=CLEAN, capture_output=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    if "restoring" in (os.listdir(other.state) if os.path.isdir(other.state) else []):
        assert other.spawn().wait(PATIENCE) == 11
        assert "labd restore" in other.log()
    assert labd("restore", file, "--state", other.state).returncode == 0
    other.start()
    assert other.call("job.log", {"job": job})["data"] == b"kept\n"
