"""Jobs, clients, subscribers, reloads, restarts of a plugin and rotations of the log, round after round: what
the daemon holds stays flat. R27.

The short form runs always; ``LABD_SOAK=600 pytest tests/real/test_r27_soak.py`` soaks for ten minutes.
The short form sees descriptors, threads, dead children, and memory that grows by kilobytes with each event.
It is too short for less: what an allocator keeps back hides that. A minute or more sees a leak of each event.
"""

import json
import logging
import os
import signal
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from labd.daemon.events import RECENT
from tests.daemon_process import DaemonProcess
from tests.support import wait_until

log = logging.getLogger("tests")  # pytest --log-cli-level=info shows the figures
pytestmark = pytest.mark.real

SECONDS = float(os.environ.get("LABD_SOAK", "10"))
JOBS, CLIENTS, SUBSCRIBERS = 60, 10, 3
"""In each round."""

MOST = {"rss": 4 * 2**20, "fds": 3, "threads": 2, "zombies": 2}
"""How much the whole soak may add, by its trend: bytes of memory, descriptors, threads, dead children."""


class Sample(NamedTuple):
    """What the daemon holds while nothing happens."""

    rss: int
    fds: int
    threads: int
    zombies: int


def sample(daemon: DaemonProcess) -> Sample:
    proc = Path(f"/proc/{daemon.pid}")
    threads = [task.name for task in (proc / "task").iterdir()]
    children = (proc / "task" / str(daemon.pid) / "children").read_text().split()
    return Sample(daemon.rss(), len(os.listdir(proc / "fd")), len(threads), sum(map(is_zombie, children)))


def is_zombie(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return False


def growth(samples: Sequence[Sample]) -> dict[str, float]:
    """What all the rounds together have added to each figure, by a line through the samples."""
    rounds = range(len(samples))
    return {
        name: len(samples) * statistics.linear_regression(rounds, [getattr(s, name) for s in samples]).slope
        for name in Sample._fields
    }


def too_much(found: dict[str, float]) -> dict[str, float]:
    return {name: added for name, added in found.items() if added > MOST[name]}


def slopes(samples: Sequence[Sample], seconds: float) -> dict[str, float]:
    """The same trends, as what an hour would add."""
    return {name: round(added / seconds * 3600, 1) for name, added in growth(samples).items()}


class Rotation:
    """Rotates a log as logrotate does with ``copytruncate``: the daemon keeps its descriptor."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.count = self.lines = 0

    def rotate(self) -> None:
        """Copy and empty it. What was copied has to be whole lines, which a program can read."""
        text = self._file.read_bytes()
        os.truncate(self._file, 0)
        self.count += 1
        self.lines += len([json.loads(line) for line in text.splitlines()])


def one_round(daemon: DaemonProcess, rotation: Rotation) -> None:
    """Everything that comes and goes; nothing of it is left at the end."""
    with ExitStack() as stack:
        clients = [stack.enter_context(daemon.client()) for _ in range(CLIENTS)]
        for client in clients[:SUBSCRIBERS]:
            client.call("subscribe", {"topics": ["job.*"]})
        specs = [{"argv": ["/bin/sh", "-c", f"exit {n % 3}"], "cpus": 0} for n in range(JOBS)]
        jobs = [clients[-1].call("job.submit", {"spec": spec})["job"]["id"] for spec in specs]
        long = daemon.shell("sleep 1000", cpus=0)
        assert daemon.process is not None
        daemon.process.send_signal(signal.SIGHUP)
        daemon.until_state(long, "running")
        rotation.rotate()
        daemon.call("job.cancel", {"job": long})
        daemon.ended(*jobs, long)
        daemon.call("plugin.reload", {"plugin": "fanout"})
        for client in clients:
            client.call("job.list", {"limit": 10})
    wait_until(lambda: daemon.call("daemon.status")["connections"]["now"] == 1)
    wait_until(lambda: len(shims(daemon)) <= 1)  # those without a job are kept a while, one of them for good


def shims(daemon: DaemonProcess) -> list[str]:
    """The processes below the daemon's own: shims are children of the zygote."""
    children = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split()
    return [pid for child in children for pid in below(child)]


def below(pid: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []


def last_event(daemon: DaemonProcess) -> int:
    return int(daemon.call("daemon.status")["events"]["last"])


def test_r27_what_the_daemon_holds_stays_flat(
    make_daemon: Callable[..., DaemonProcess], record_property: Callable[[str, object], None]
) -> None:
    daemon = make_daemon().start()
    rotation = Rotation(daemon.log_file)
    while last_event(daemon) < 2 * RECENT:  # the log of recent events fills once, which is no leak
        one_round(daemon, rotation)
    samples: list[Sample] = []
    began, lines = time.monotonic(), rotation.lines
    while time.monotonic() < began + SECONDS or len(samples) < 10:
        one_round(daemon, rotation)
        samples.append(sample(daemon))
    found, hourly = growth(samples), slopes(samples, time.monotonic() - began)
    log.info("%d rounds, from %s to %s, together they add %s", len(samples), samples[0], samples[-1], found)
    log.info("slopes in an hour: %s; %d rotations of the log", hourly, rotation.count)
    record_property("slopes_per_hour", hourly)
    assert too_much(found) == {}, samples
    assert len(daemon.events("daemon.reloaded")) >= len(samples) // 2
    assert rotation.lines - lines >= len(samples) // 2, "the log ended with a rotation"
    assert daemon.log_file.stat().st_size < 2**20


@pytest.mark.parametrize("figure", Sample._fields)
def test_a_leak_in_each_round_is_seen(figure: str) -> None:
    step = 200_000 if figure == "rss" else 1
    flat = [Sample(50_000_000 + number % 7 * 300_000, 30 - number % 2, 4, 0) for number in range(40)]
    leaking = [each._replace(**{figure: getattr(each, figure) + n * step}) for n, each in enumerate(flat)]
    assert too_much(growth(flat)) == {}
    assert too_much(growth(leaking)).keys() == {figure}
