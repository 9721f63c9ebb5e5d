"""The daemon is killed at every step of submit, launch and finish: at the n-th call of one system call."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.daemon_process import DaemonProcess
from tests.real.effects import Aftermath, Submitter, is_idle, traced, until_idle
from tests.real.faults import killing, most, needs_strace, tracing
from tests.real.folding import differences
from tests.support import wait_until

log = logging.getLogger("tests")  # pytest --log-cli-level=info shows the figures
pytestmark = [pytest.mark.real, needs_strace]

JOBS = 4
POINTS = {
    "pwrite64": 10, "fdatasync": 8, "mkdir": 4, "sendmsg": 4, "flock": 4, "sendto": 5, "recvfrom": 4,
    "inotify_add_watch": 3, "inotify_rm_watch": 3, "write": 2, "fchmod": 2, "rename": 1, "unlink": 1,
}  # fmt: skip
"""How many points to choose among the calls of each kind that one clean run makes."""

FIRST_CLIENT = "accept4("
"""What comes before it is the start: a fifth of the points lies there."""


class Outcome(NamedTuple):
    """What happened at one point."""

    call: str
    when: int
    died: bool
    repeated: int
    problems: dict[str, Any]


def test_r3_a_kill_at_any_step_loses_nothing_and_repeats_nothing() -> None:
    points = chosen(clean_run())
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda point: kill_at(*point), points))
    died = sum(outcome.died for outcome in outcomes)
    repeated = sum(outcome.repeated for outcome in outcomes)
    log.info(f"{len(points)} points, {died} kills, {repeated} jobs in a second attempt")
    assert [outcome for outcome in outcomes if outcome.problems] == []
    assert died >= 30, [f"{o.call} {o.when}" for o in outcomes if not o.died]


def clean_run() -> dict[str, tuple[int, int]]:
    """Calls of each kind before the first client and in all."""
    with DaemonProcess() as daemon:
        trace = Path(daemon.folder, "trace")
        daemon.start(*tracing(trace, (*POINTS, "accept4")))
        Submitter(daemon, lambda _: traced(daemon), JOBS).start().wait()
        until_idle(daemon)
        daemon.kill()
        wait_until(lambda: "killed by" in trace.read_text(errors="replace"))
        return most(trace, FIRST_CLIENT)


def chosen(counts: dict[str, tuple[int, int]]) -> list[tuple[str, int]]:
    """Points spread over the calls of each kind; the last few may not come in another run."""
    points = []
    for call, wanted in POINTS.items():
        before, total = counts.get(call, (0, 0))
        early = {1 + before * i // (wanted // 5) for i in range(wanted // 5)} if before else set()
        late = {before + 1 + i * (total - before) // wanted for i in range(wanted)} if total > before else {1}
        points += [(call, when) for when in sorted(early | late) if when <= total]
    return points


def kill_at(call: str, when: int) -> Outcome:
    """Run jobs until the point kills the daemon, start it again, finish, compare."""
    with DaemonProcess() as daemon:
        doomed = daemon.spawn(*killing(call, when))
        submitter = Submitter(daemon, lambda _: traced(daemon), JOBS).start()
        wait_until(lambda: doomed.poll() is not None or (submitter.done and is_idle(daemon)))
        died = doomed.poll() is not None
        daemon.kill()
        daemon.start()
        submitter.wait()
        until_idle(daemon)
        found = Aftermath(daemon, submitter.accepted)
        repeated = sum(job["attempt"] > 1 for job in found.jobs.values())
        problems = found.problems()
        if wrong := differences(daemon.state):
            problems["events"] = wrong
        return Outcome(call, when, died, repeated, problems)
