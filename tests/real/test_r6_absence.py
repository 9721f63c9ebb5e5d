"""What happens to jobs while there is no daemon. R6, R7, R12."""

import hashlib
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.daemon_process import DaemonProcess
from tests.support import wait_until

pytestmark = pytest.mark.real

SIZE = 200_000_000
LINE = b"0123456789abcde\n"


def waiting_for(daemon: DaemonProcess, name: str) -> tuple[str, Path]:
    """A line of shell that waits for a file, and the file."""
    path = Path(daemon.folder, name)
    return f"while ! [ -e {path} ]; do sleep 0.02; done", path


def until_running(daemon: DaemonProcess, *jobs: int) -> None:
    for job in jobs:
        daemon.until_state(job, "running")
        wait_until((daemon.attempt(job) / "started").exists)


def test_r6_an_end_without_a_daemon_keeps_its_own_time_and_exit_status(daemon: DaemonProcess) -> None:
    wait, go = waiting_for(daemon, "go")
    exits, killed = daemon.shell(f"{wait}; exit 3"), daemon.shell(f"{wait}; kill -SEGV $$")
    until_running(daemon, exits, killed)
    daemon.kill()
    before = time.time()
    go.touch()
    for job in (exits, killed):
        daemon.until_exit(job)
    after = time.time()
    time.sleep(1.0)  # so that the time of the restart would be another
    daemon.start()
    first, second = daemon.ended(exits, killed)
    assert (first["state"], first["exit_code"], first["signal"]) == ("failed", 3, None)
    assert (second["state"], second["exit_code"], second["signal"]) == ("failed", None, signal.SIGSEGV)
    for job in (first, second):
        assert before <= job["ended"] <= after
        assert job["started"] < before


def test_r7_output_is_whole_though_nobody_reads_it(daemon: DaemonProcess) -> None:
    wait, go = waiting_for(daemon, "go")
    job = daemon.shell(f"{wait}; yes {LINE.decode().strip()} | head -c {SIZE}; exit 5")
    until_running(daemon, job)
    daemon.kill()
    go.touch()
    assert daemon.until_exit(job)["exit_code"] == 5, "the job did not end while labd was down"
    assert digest(daemon.attempt(job) / "out.log") == expected_digest()
    daemon.start()
    assert daemon.ended(job)[0]["exit_code"] == 5
    tail = daemon.call("job.log", {"job": job, "offset": -16, "limit": 100})
    assert (tail["data"], tail["offset"], tail["end"]) == (LINE, SIZE, True)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()


def expected_digest() -> str:
    found, block = hashlib.sha1(), LINE * 62_500
    for _ in range(SIZE // len(block)):
        found.update(block)
    return found.hexdigest()


def test_r12_order_and_priorities_survive_a_kill(make_daemon: Callable[..., DaemonProcess]) -> None:
    daemon = make_daemon(cores=1).start()
    wait, go = waiting_for(daemon, "go")
    order = Path(daemon.folder, "order")
    blocker = daemon.shell(wait)
    until_running(daemon, blocker)
    priorities = [number * 7 % 5 for number in range(40)]
    jobs = [daemon.shell(f"echo $LABD_JOB_ID >> {order}", priority=priority) for priority in priorities]
    daemon.restart()
    assert [daemon.job(job)["state"] for job in jobs] == ["queued"] * len(jobs)
    go.touch()
    daemon.ended(*jobs)
    ranked = sorted(jobs, key=lambda job: (-priorities[job - jobs[0]], job))
    assert list(map(int, order.read_text().split())) == ranked


def test_r12_a_retry_keeps_its_backoff_over_a_kill(daemon: DaemonProcess) -> None:
    job = daemon.shell("exit 1", retries=1, retry_delay=3600)
    daemon.until_state(job, "queued")
    wait_until(lambda: daemon.events("job.queued"))
    daemon.restart()
    marker = daemon.shell("true")
    daemon.ended(marker)
    found = daemon.job(job)
    assert (found["state"], found["attempt"]) == ("queued", 1)
    assert re.search(r"its next attempt, in (1h|5\dm)", found["waiting_for"])
