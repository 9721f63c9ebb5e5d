"""Jobs under a real daemon that use more memory than they asked for."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.daemon_process import DaemonProcess

pytestmark = pytest.mark.real
MIB = 1 << 20

FAMILY = """if 1:
    import os, time
    for _ in range(3):
        if os.fork() == 0:
            block = b"x" * (60 << 20)
            time.sleep(600)
    time.sleep(600)
"""


def submit(daemon: DaemonProcess, text: str, **spec: object) -> int:
    return daemon.submit(sys.executable, "-I", "-S", "-c", text, **spec)


def test_a_job_that_uses_more_than_it_asked_for_fails_and_says_so(daemon: DaemonProcess) -> None:
    job = submit(daemon, FAMILY, memory=100 * MIB, grace=600)
    [found] = daemon.ended(job)
    assert (found["state"], found["exit_code"]) == ("failed", None)
    assert found["reason"].startswith("used ")
    assert found["reason"].endswith(" of the 100 MiB it asked for")
    [attempt] = daemon.attempts(job)
    assert attempt["signal"] == signal.SIGKILL
    assert attempt["peak_memory"] > 100 * MIB
    assert daemon.events("job.failed", job)[0]["data"]["peak_memory"] == attempt["peak_memory"]


def test_a_job_within_its_memory_says_how_much_it_was(daemon: DaemonProcess) -> None:
    job = submit(daemon, "import time; b = b'x' * (60 << 20); time.sleep(0.5)", memory=500 * MIB)
    [found] = daemon.ended(job)
    assert found["state"] == "succeeded"
    assert 60 * MIB < daemon.attempts(job)[0]["peak_memory"] < 500 * MIB


def test_a_job_without_a_limit_may_use_what_there_is(daemon: DaemonProcess) -> None:
    job = submit(daemon, "b = b'x' * (120 << 20)")
    assert daemon.ended(job)[0]["state"] == "succeeded"


def test_r3_the_limit_holds_while_no_daemon_runs(daemon: DaemonProcess, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    text = f"import time; open({str(fifo)!r}).read(); b = b'x' * (150 << 20); time.sleep(600)"
    job = submit(daemon, text, memory=100 * MIB)
    daemon.until_state(job, "running")
    daemon.kill()
    fifo.write_text("go")
    assert daemon.until_exit(job)["reason"] == "out_of_memory"
    daemon.start()
    [found] = daemon.ended(job)
    assert found["state"] == "failed"
    assert found["reason"].endswith("of the 100 MiB it asked for")


def test_a_retry_follows_as_after_any_failure(daemon: DaemonProcess) -> None:
    job = submit(daemon, FAMILY, memory=100 * MIB, retries=1)
    [found] = daemon.ended(job)
    assert (found["state"], found["attempt"]) == ("failed", 2)
