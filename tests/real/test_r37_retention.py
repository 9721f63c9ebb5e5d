"""Retention keeps the disk bounded and never removes unfinished work. R37."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from labd.errors import LabdError
from tests.daemon_process import DaemonProcess
from tests.filling import fill
from tests.real.folding import differences
from tests.support import wait_until

pytestmark = [pytest.mark.real, pytest.mark.slow]

COUNT, KEPT = 100_000, 2_000
DAY = 86_400.0
SLOW = 2.0
"""Seconds: an answer meanwhile that took longer would mean that the loop was held. Machines may be busy."""

Make = Callable[..., DaemonProcess]


def filled(make_daemon: Make, count: int, *options: str) -> DaemonProcess:
    """A daemon over jobs that ended more than a day ago; every twentieth has its folder."""
    daemon = make_daemon(*options, "retention.interval=1d")
    os.makedirs(daemon.state)
    fill(daemon.state, count, time.time() - 2 * DAY, 10.0, folders=20)
    return daemon.start()


def collect(daemon: DaemonProcess) -> Iterator[dict[str, Any]]:
    while (found := daemon.call("store.gc", {"seconds": 10.0}))["left"]:
        yield found
    yield found


def folders(daemon: DaemonProcess) -> set[int]:
    """The jobs that have folders."""
    names = [name for _, names, _ in os.walk(f"{daemon.state}/jobs") for name in names if "." in name]
    return {int(name.partition(".")[0]) for name in names}


def test_r37_a_hundred_thousand_ended_jobs_go_and_unfinished_ones_stay(make_daemon: Make) -> None:
    daemon = filled(make_daemon, COUNT, f"retention.max_jobs={KEPT}")
    running = daemon.shell("sleep 1000")
    held = daemon.submit("true", hold=True, after=[{"job": 7, "when": "any"}])
    daemon.until_state(running, "running")
    before = daemon.call("job.usage", {"until": time.time() - DAY})["total"]
    pages, slowest = daemon.rows("pragma page_count")[0][0], []
    done = threading.Event()
    asker = threading.Thread(target=ask_on, args=(daemon, done, slowest))
    asker.start()
    *_, last = collect(daemon)
    done.set()
    asker.join()
    assert last["kept"] == {}
    # the daemon may have had a turn of its own meanwhile
    assert sum(e["data"]["jobs"] for e in daemon.events("store.collected")) == COUNT - KEPT
    assert daemon.rows("select count(*) from jobs where live = 0") == [(KEPT,)]
    assert max(slowest) < SLOW
    assert daemon.job(7)["state"] == "succeeded", "an unfinished job depends on it"
    assert [daemon.job(job)["state"] for job in (running, held)] == ["running", "held"]
    assert running in folders(daemon)
    assert len(folders(daemon)) == KEPT // 20 + 1
    after = daemon.call("job.usage", {"until": time.time() - DAY})["total"]
    assert after["jobs"] == before["jobs"] == COUNT
    assert after["core_seconds"] == pytest.approx(before["core_seconds"])
    assert differences(daemon.state) == []
    fills_what_is_free(daemon, pages)


def ask_on(daemon: DaemonProcess, done: threading.Event, times: list[float]) -> None:
    """How long the submission of a job takes, again and again."""
    with daemon.client() as client:
        while not done.is_set():
            began = time.monotonic()
            client.call("job.submit", {"spec": {"argv": ["true"], "hold": True}})
            times.append(time.monotonic() - began)
            done.wait(0.05)


def fills_what_is_free(daemon: DaemonProcess, pages: int) -> None:
    """The pages of what went are used again: the file does not grow with new jobs."""
    [(free,)] = daemon.rows("pragma freelist_count")
    assert free > pages // 2
    for _ in range(200):
        daemon.submit("true", hold=True, name="x" * 200)
    assert daemon.rows("pragma page_count")[0][0] <= pages + 100


def test_r37_a_kill_while_jobs_go_leaves_nothing_dangling(make_daemon: Make) -> None:
    daemon = filled(make_daemon, 6000, "retention.max_jobs=100")
    for kept in (5000, 3500, 1500):
        asker = threading.Thread(target=ask_once, args=(daemon,))
        asker.start()
        wait_until(lambda kept=kept: daemon.rows("select count(*) from jobs")[0][0] < kept)
        daemon.kill()
        asker.join()
        assert differences(daemon.state) == []
        daemon.start()
    *_, last = collect(daemon)
    assert last["kept"] == {}
    assert daemon.rows("select count(*) from jobs") == [(100,)]
    assert folders(daemon) == {job for (job,) in daemon.rows("select id from jobs") if job % 20 == 0}
    assert daemon.rows("select count(*) from attempts where job not in (select id from jobs)") == [(0,)]
    assert daemon.call("job.usage")["total"]["jobs"] == 6000
    assert daemon.submit("true") == 6001


def ask_once(daemon: DaemonProcess) -> None:
    try:
        daemon.call("store.gc", {"seconds": 60.0})
    except LabdError:
        pass  # the daemon was killed


def test_r37_the_daemon_collects_by_itself_and_takes_up_new_limits(make_daemon: Make) -> None:
    daemon = make_daemon()
    os.makedirs(daemon.state)
    fill(daemon.state, 300, time.time() - 2 * DAY, 10.0, folders=20)
    daemon.config.write_text("[retention]\ninterval = '1s'\nmax_jobs = 200\n")
    daemon.start()
    wait_until(lambda: daemon.rows("select count(*) from jobs") == [(200,)])
    daemon.config.write_text("[retention]\ninterval = '1s'\nmax_jobs = 50\n")
    assert daemon.call("daemon.reload")["needs_restart"] == []
    wait_until(lambda: daemon.rows("select count(*) from jobs") == [(50,)])
    assert {event["actor"] for event in daemon.events("store.collected")} == {"labd"}
    assert differences(daemon.state) == []
