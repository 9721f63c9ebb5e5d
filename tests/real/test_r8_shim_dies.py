"""A shim that is killed, and records that point to somebody else's process. R8, R9."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from labd.jobs import strays
from tests.daemon_process import PATIENCE, DaemonProcess, carrying
from tests.jobs.shim.support import living
from tests.support import wait_until

pytestmark = pytest.mark.real

FAMILY = "setsid sleep 1000 & (trap '' TERM; sleep 1001) & sleep 1002"


def started(daemon: DaemonProcess, job: int, number: int = 1) -> dict[str, object]:
    """The record of the beginning, once it is there."""
    path = daemon.attempt(job, number) / "started"
    wait_until(path.exists, PATIENCE)
    record: dict[str, object] = json.loads(path.read_text())
    return record


def token_of(daemon: DaemonProcess, job: int, number: int = 1) -> str:
    """What all processes of an attempt carry."""
    order = json.loads((daemon.attempt(job, number) / "order.json").read_text())
    return str(order["env"]["LABD_TOKEN"])


def kill_shim(daemon: DaemonProcess, job: int, number: int = 1) -> str:
    """SIGKILL the shim of a job whose family is complete; the token of the attempt."""
    pid = int(str(started(daemon, job, number)["pid"]))
    token = token_of(daemon, job, number)
    wait_until(lambda: len(strays.find(token)) >= 4, PATIENCE)
    os.kill(pid, signal.SIGKILL)
    return token


def test_r8_a_job_whose_shim_is_killed_is_lost_with_a_cause(daemon: DaemonProcess) -> None:
    job = daemon.shell(FAMILY)
    token = kill_shim(daemon, job)
    [found] = daemon.ended(job)
    assert found["state"] == "lost"
    assert found["exit_code"] is None
    assert "its shim was killed" in found["reason"]
    assert strays.find(token) == []


def test_r8_a_retry_begins_when_nothing_of_the_lost_attempt_is_left(daemon: DaemonProcess) -> None:
    job = daemon.shell(FAMILY, retries=1, grace=0.1)
    token = kill_shim(daemon, job)
    second = started(daemon, job, 2)
    assert strays.find(token) == []
    assert daemon.attempts(job)[0]["state"] == "lost"
    assert int(str(second["pid"])) in carrying(daemon.folder)
    daemon.call("job.cancel", {"job": job})
    [found] = daemon.ended(job)
    assert (found["state"], found["attempt"]) == ("cancelled", 2)


def test_r8_a_shim_that_dies_while_labd_is_down_is_found_out(daemon: DaemonProcess) -> None:
    job = daemon.shell(FAMILY)
    started(daemon, job)
    daemon.until_state(job, "running")
    token = token_of(daemon, job)
    wait_until(lambda: len(strays.find(token)) >= 4, PATIENCE)
    daemon.kill()
    os.kill(int(str(started(daemon, job)["pid"])), signal.SIGKILL)
    daemon.start()
    assert daemon.ended(job)[0]["state"] == "lost"
    assert strays.find(token) == []


def test_r8_a_running_job_whose_folder_was_removed_is_lost_and_not_run_again(daemon: DaemonProcess) -> None:
    job = daemon.shell("sleep 1000", grace=0.1)
    pid = int(str(started(daemon, job)["pid"]))
    daemon.until_state(job, "running")
    daemon.kill()
    os.kill(pid, signal.SIGKILL)
    subprocess.run(["rm", "-r", daemon.attempt(job)], check=True)
    daemon.start()
    [found] = daemon.ended(job)
    assert (found["state"], found["attempt"]) == ("lost", 1)
    assert "no folder" in found["reason"]


@pytest.fixture
def innocent() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with labd."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_r9_a_stale_record_with_a_strangers_pid_harms_nobody(
    daemon: DaemonProcess, innocent: subprocess.Popen[bytes]
) -> None:
    """As after a reboot: the shim is gone, its pid is another's, the boot is another."""
    job = daemon.shell("sleep 1000", retries=1, retry_delay=3600, grace=0.1)
    shim = int(str(started(daemon, job)["pid"]))
    daemon.until_state(job, "running")
    daemon.kill()
    os.kill(shim, signal.SIGKILL)
    rewrite(daemon.attempt(job) / "started", pid=innocent.pid, boot_id="another")
    daemon.start()
    lost = daemon.until_event("job.lost")
    assert "the machine restarted" in lost["cause"]
    daemon.call("job.cancel", {"job": job})
    assert daemon.ended(job)[0]["state"] == "cancelled"
    assert living(innocent.pid)


def test_r9_a_cancel_goes_to_the_shim_whatever_pid_is_written_down(
    daemon: DaemonProcess, innocent: subprocess.Popen[bytes]
) -> None:
    job = daemon.shell("sleep 1000", grace=0.1)
    started(daemon, job)
    daemon.until_state(job, "running")
    daemon.kill()
    rewrite(daemon.attempt(job) / "started", pid=innocent.pid)
    daemon.start()
    daemon.call("job.cancel", {"job": job})
    assert daemon.ended(job)[0]["state"] == "cancelled"
    assert living(innocent.pid)
