"""``labctl top`` and ``labctl status --watch``: one picture in a pipe, a live one in a terminal."""

import json
import os
import pty
import re
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from labd.cli.board import board
from labd.cli.render import Terminal, cells
from labd.cli.view import aged
from tests.cli.conftest import Labctl
from tests.cli.fake import NOW, FakeDaemon, job, queued

DAEMON = {
    "resources": {"cores": 4.0, "cores_held": 3.0, "gpus": [0, 1], "gpus_held": {"0": "job 14"}},
    "jobs": {"running": 2, "queued": 1},
}
JOBS = [
    job(14, progress=0.42, eta=414.0, metrics={"loss": 0.123456, "acc": 0.5}, gpu_ids=[0]),
    job(13, name="sweep", state="paused"),
    queued(15, waiting_for="1 GPUs (0 free)", priority=5),
]

GOLDEN = """\
Cores 3/4   GPUs 1/2
Jobs 2 running, 1 queued
GPU 0 job 14   GPU 1 free

RUNS  NAME   USER  STATE   TAKES     ELAPSED    ETA  PROGRESS         METRICS
  14  train  anna          2c 8G 1g    5m00s  6m54s  ████░░░░░░  42%  loss 0.1235 acc 0.5
  13  sweep  anna  paused  2c 8G       5m00s

WAITS  NAME   USER  TAKES  FOR
   15  train  anna  2c 8G  prio 5, 1 GPUs (0 free)
"""


@pytest.fixture
def machine(daemon: FakeDaemon) -> FakeDaemon:
    daemon.on("daemon.status", DAEMON)
    daemon.on("job.list", lambda params: {"jobs": [j for j in JOBS if j["state"] in params["states"]]})
    return daemon


@pytest.mark.parametrize("words", [("top",), ("top", "--once")])
def test_a_pipe_gets_one_picture(machine: FakeDaemon, run: Labctl, words: tuple[str, ...]) -> None:
    assert run(*words) == (0, GOLDEN, "")
    assert machine.params("subscribe") == []


def test_json_is_the_daemon_and_its_jobs(machine: FakeDaemon, run: Labctl) -> None:
    found = json.loads(run("top", "--json").out)
    assert list(found) == ["version", "daemon", "jobs"]
    assert [one["id"] for one in found["jobs"]] == [14, 13, 15]


def test_status_with_watch_in_a_pipe_is_status(machine: FakeDaemon, run: Labctl) -> None:
    assert run("status", "--watch").out == run("status").out


@pytest.mark.parametrize("height", [5, 10, 24])
@pytest.mark.parametrize("width", [30, 80, 200])
def test_a_picture_fits_the_screen(width: int, height: int) -> None:
    jobs = [job(n, progress=0.5, eta=60.0) for n in range(40)] + [queued(n + 40) for n in range(40)]
    lines = board(DAEMON, jobs, Terminal(width=width), height, NOW)
    assert len(lines) <= height
    assert max(map(cells, lines)) <= width


def test_of_many_jobs_the_rest_is_counted() -> None:
    jobs = [job(n) for n in range(40)] + [queued(n + 40) for n in range(40)]
    lines = board(DAEMON, jobs, Terminal(width=80), 24, NOW)
    assert [line for line in lines if line.startswith("... and ")] == [
        "... and 27 more that run", "... and 38 more that wait",
    ]  # fmt: skip


def test_an_idle_machine_says_so() -> None:
    assert board({}, [], Terminal(), None, NOW) == ["Jobs none", "", "Nothing runs."]


def test_an_estimate_counts_down_between_two_answers() -> None:
    assert [one["eta"] for one in aged(JOBS, 400.0)] == [14.0, None, None]
    assert aged(JOBS, 9999.0)[0]["eta"] == 0.0


class Watcher:
    """labctl in a terminal of its own; :meth:`screen` is all that it wrote so far."""

    def __init__(self, socket: str, *words: str) -> None:
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            import sys

            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a test run in the background ignores it
            env = {**os.environ, "LABD_SOCKET": socket, "TERM": "xterm"}
            os.execve(sys.executable, [sys.executable, "-m", "labd.cli.labctl", *words], env)
        self._written = b""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while data := os.read(self._terminal, 65_536):
                self._written += data
        except OSError:
            pass  # it has ended

    def screen(self) -> str:
        return self._written.decode(errors="replace")

    def press(self, key: str) -> None:
        os.write(self._terminal, key.encode())

    def until(self, text: str, after: int = 0) -> None:
        end = time.monotonic() + 60
        while text not in self.screen()[after:]:
            assert time.monotonic() < end, self.screen()[-2000:]
            time.sleep(0.01)

    def left(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def watcher(machine: FakeDaemon) -> Iterator[Watcher]:
    machine.on("subscribe", {"subscription": 1, "epoch": "e1", "seq": 0, "oldest": 1})
    machine.events.append(
        {"seq": 1, "time": NOW, "kind": "job.started", "actor": "", "cause": "", "data": {}}
    )
    made = Watcher(machine.path, "top")
    yield made
    try:
        os.kill(made.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has left


@pytest.mark.real
@pytest.mark.parametrize("key", ["q", "\x03"])
def test_a_live_picture_leaves_the_terminal_as_it_was(
    watcher: Watcher, machine: FakeDaemon, key: str
) -> None:
    watcher.until("1 GPUs (0 free)")
    shown = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", watcher.screen())
    assert "GPU 0 job 14   GPU 1 free" in shown
    watcher.press(key)
    assert watcher.left() == 0
    watcher.until("\x1b[?7h\x1b[?25h\x1b[?1049l")


@pytest.mark.real
def test_a_daemon_that_goes_is_said_and_comes_back_into_the_picture(
    watcher: Watcher, machine: FakeDaemon
) -> None:
    watcher.until("GPU 1 free")
    machine.stop()
    watcher.until("labd went away")
    there = len(watcher.screen())
    machine.start()
    watcher.until("GPU 1 free", after=there)
    watcher.press("q")
    assert watcher.left() == 0
