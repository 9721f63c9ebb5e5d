"""The wall clock jumps by a day. R26."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.daemon_process import DaemonProcess
from tests.support import wait_until

pytestmark = pytest.mark.real

DAY = 86_400
LIBRARIES = [
    *Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"),
    *Path("/usr/local/lib").glob("faketime/libfaketimeMT.so.1"),
]


class Clock:
    """The wall clock of one daemon and of whatever it starts; the other clocks stay true."""

    def __init__(self, daemon: DaemonProcess) -> None:
        self._file = Path(daemon.folder, "clock")
        self.jump(0)
        daemon.env |= {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def jump(self, seconds: int) -> None:
        """Be so many seconds away from the truth from now on."""
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{seconds:+d}s\n")
        os.replace(draft, self._file)


@pytest.fixture
def jumpy(make_daemon: Callable[..., DaemonProcess]) -> tuple[DaemonProcess, Clock]:
    if not LIBRARIES:
        pytest.skip("libfaketime is missing: install the package faketime")
    daemon = make_daemon(cores=1)
    clock = Clock(daemon)
    return daemon.start(), clock


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_r26_no_timeout_fires_early_and_none_is_put_off(
    jumpy: tuple[DaemonProcess, Clock], jump: int
) -> None:
    daemon, clock = jumpy
    limited = daemon.shell("sleep 1000", time_limit=3600, cpus=0)
    retried = daemon.shell("exit 1", retries=1, retry_delay=3600, cpus=0)
    soon = daemon.shell("sleep 1000", time_limit=2, cpus=0)
    wait_until(lambda: daemon.job(retried)["attempt"] == 1 and daemon.job(retried)["state"] == "queued")
    wait_until(lambda: daemon.job(limited)["state"] == "running")
    before = daemon.until_event("job.submitted")["time"]
    clock.jump(jump)
    after = daemon.shell("true", cpus=0)
    daemon.ended(after)
    assert abs(daemon.job(after)["submitted"] - before - jump) < 300, "the clock did not jump"
    assert daemon.ended(soon)[0]["state"] == "timed_out"
    daemon.restart()
    daemon.ended(daemon.shell("true", cpus=0))  # whatever was due then has happened
    assert daemon.job(limited)["state"] == "running"
    waiting = daemon.job(retried)
    assert (waiting["state"], waiting["attempt"]) == ("queued", 1)
    assert re.search(r"its next attempt, in (1h|5\dm)", waiting["waiting_for"])


def test_r26_durations_are_true_and_order_is_kept(jumpy: tuple[DaemonProcess, Clock]) -> None:
    daemon, clock = jumpy
    order = Path(daemon.folder, "order")
    first = daemon.shell(f"echo $LABD_JOB_ID >> {order}; sleep 1")
    wait_until(lambda: daemon.job(first)["state"] == "running")
    jobs = [first]
    for jump in (DAY, -DAY, 0, 2 * DAY, -2 * DAY):
        clock.jump(jump)
        jobs.append(daemon.shell(f"echo $LABD_JOB_ID >> {order}"))
    daemon.ended(*jobs)
    assert list(map(int, order.read_text().split())) == jobs
    assert all(0 <= attempt["seconds"] < 30 for job in jobs for attempt in daemon.attempts(job))
    assert daemon.attempts(first)[0]["seconds"] >= 1.0
    seqs = [event["seq"] for event in daemon.events()]
    assert seqs == list(range(1, len(seqs) + 1))
