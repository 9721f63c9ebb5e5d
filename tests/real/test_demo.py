"""``labd demo`` from the first line to the last, and stopped on the way: nothing is left."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from labd.cli.render import cells
from labd.demo import processes
from tests.support import wait_until

pytestmark = pytest.mark.real

DEMO = [sys.executable, "-m", "labd", "demo"]
PATIENCE = 180.0
ESCAPES = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]")


Demo = subprocess.Popen[str]
Start = Callable[..., Demo]


@pytest.fixture
def room() -> Iterator[str]:
    """A folder for temporary files, short but odd; in the end it is empty and no process knows of it."""
    folder = tempfile.mkdtemp(prefix="t ü ", dir="/tmp")
    yield folder
    left = processes.end(folder)
    files = os.listdir(folder)
    shutil.rmtree(folder)
    assert (left, files) == ([], [])


def environment(room: str) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    return env | {"TMPDIR": room, "PYTHONUTF8": "1", "TERM": "xterm"}


@pytest.fixture
def start(room: str) -> Iterator[Start]:
    """Start demos, from a folder that has nothing to do with them."""
    with ExitStack() as stack:

        def demo(*options: str) -> Demo:
            process = subprocess.Popen(
                [*DEMO, *options], env=environment(room), cwd="/", text=True, encoding="utf-8",
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield demo


def read_until(demo: Demo, text: str) -> list[str]:
    """The lines up to the one with *text*."""
    assert demo.stdout is not None
    lines = []
    for line in demo.stdout:
        lines.append(line.rstrip("\n"))
        if text in line:
            return lines
    raise AssertionError(f"{text!r} did not come: {lines}, {demo.stderr and demo.stderr.read()}")


def left_in(room: str) -> tuple[list[str], list[processes.Process]]:
    return os.listdir(room), processes.find(room)


@pytest.mark.slow
def test_a_demo_in_a_pipe_tells_and_proves_that_runs_survive(room: str, start: Start) -> None:
    demo = start("--runs", "5", "--epochs", "3000")
    out, err = demo.communicate(timeout=PATIENCE)
    assert (demo.returncode, err) == (0, "")
    told = [line.split("  ", 1)[1] for line in out.splitlines() if re.match(r"\d+:\d\d  ", line)]
    assert not ESCAPES.search(out)
    story = "\n".join(told)
    killed = re.search(r"SIGKILL to the daemon \(pid (\d+)\) while runs (\d) and (\d) train", story)
    assert killed is not None, story
    assert f"daemon started (pid {killed[1]})" in story
    assert "daemon started again" in story
    # a run that is quick enough ends before the daemon is back, and that is well too; not both do
    assert re.search(rf"run [{killed[2]}{killed[3]}] went on: the same process \(\d+\), attempt 1", story)
    assert story.count(" trains: ") == story.count(" succeeded after ") == 5
    assert "All 5 runs succeeded, each in one attempt." in out
    assert left_in(room) == ([], [])


@pytest.mark.slow
def test_a_run_that_dies_makes_the_demo_fail(room: str, start: Start) -> None:
    demo = start("--runs", "4", "--epochs", "2500")
    line = read_until(demo, "no daemon answers")[-1]
    victim = int(re.findall(r"\d+", line)[-1])  # the younger one
    os.kill(victim, signal.SIGKILL)
    out, _ = demo.communicate(timeout=PATIENCE)
    assert demo.returncode == 1
    assert re.search(r"Not true: run \d is failed: signal 9", out), out
    assert f"(pid {victim}) did not survive the daemon" in out
    assert "All 4 runs succeeded" not in out


@pytest.mark.slow
def test_json_is_one_object_and_a_kept_daemon_can_be_asked(room: str, start: Start) -> None:
    demo = start("--runs", "4", "--epochs", "1500", "--json", "--keep")
    out, err = demo.communicate(timeout=PATIENCE)
    assert demo.returncode == 0, err
    found = json.loads(out)
    assert (found["version"], found["ok"], found["untrue"]) == (1, True, [])
    assert [run["attempts"] for run in found["runs"]] == [1, 1, 1, 1]
    assert len([run for run in found["runs"] if run["without_daemon"]]) == 2
    assert found["kept"].startswith(room)
    asked = [
        sys.executable,
        "-m",
        "labd.cli.labctl",
        "--socket",
        found["socket"],
        "status",
        "--all",
        "--json",
    ]
    status = json.loads(subprocess.run(asked, capture_output=True, check=True, timeout=60).stdout)
    assert {job["state"] for job in status["jobs"]} == {"succeeded"}
    os.kill(found["daemon"]["successor"], signal.SIGTERM)
    wait_until(lambda: not processes.find(room))
    shutil.rmtree(found["kept"])


@pytest.mark.parametrize(
    ("moment", "signum"),
    [
        ("everything is in", signal.SIGTERM),
        ("runs submitted", signal.SIGINT),
        ("no daemon answers", signal.SIGINT),
        ("daemon started again", signal.SIGHUP),
    ],
)
def test_stopped_at_any_moment_it_leaves_nothing(
    room: str, moment: str, signum: signal.Signals, start: Start
) -> None:
    demo = start("--runs", "4", "--epochs", "2000")
    read_until(demo, moment)
    demo.send_signal(signum)
    _, err = demo.communicate(timeout=PATIENCE)
    assert demo.returncode == 128 + signum
    assert err == "labd demo: stopped, and nothing of it is left\n"
    assert left_in(room) == ([], [])


@pytest.mark.parametrize(("epochs", "moment"), [("1000000", "runs submitted"), ("2000", "no daemon answers")])
def test_killed_without_warning_it_leaves_nothing_either(
    room: str, epochs: str, moment: str, start: Start
) -> None:
    demo = start("--runs", "4", "--epochs", epochs)
    read_until(demo, moment)
    demo.kill()
    demo.wait(PATIENCE)
    wait_until(lambda: left_in(room) == ([], []), PATIENCE)


def test_a_reader_that_goes_away_ends_it_cleanly(room: str, start: Start) -> None:
    demo = start("--runs", "4", "--epochs", "2000")
    read_until(demo, "trains")
    assert demo.stdout is not None
    demo.stdout.close()
    assert demo.wait(PATIENCE) == 141
    assert left_in(room) == ([], [])


@pytest.mark.slow
@pytest.mark.parametrize("stop", [False, True])
def test_a_terminal_of_80_by_24_is_never_overrun(room: str, stop: bool) -> None:
    screen = Screen([*DEMO, "--runs", "5", "--epochs", "1500"], environment(room))
    if stop:
        screen.read(lambda text: "SIGKILL to the daemon" in text)
        os.write(screen.ours, b"\x03")
    code = screen.finish()
    text = ESCAPES.sub("", screen.text)
    assert max(cells(line.rstrip("\r")) for line in text.split("\n")) <= 80
    assert screen.text.count("\x1b[?25h") == 1
    if stop:
        assert code == 130
        assert "nothing of it is left" in text
    else:
        assert code == 0
        last = text[text.rindex("RUN") :]
        assert last.split("\n")[0].split()[:6] == ["RUN", "RATE", "HIDDEN", "LOSS", "ACCURACY", "TOOK"]
        assert "All 5 runs succeeded" in last
    for frame in screen.text.split("\x1b[?25l")[1:]:
        assert frame.split("\x1b[J")[0].count("\n") <= 23


class Screen:
    """A terminal of 80 by 24 cells with a program on it."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self._pid, self.ours = pty.fork()
        if self._pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.execve(command[0], command, env)
        self.text = ""

    def read(self, enough: Callable[[str], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not enough(self.text):
            assert time.monotonic() < deadline, self.text[-2000:]
            if not select.select([self.ours], [], [], 1.0)[0]:
                continue
            try:
                self.text += os.read(self.ours, 65536).decode("utf-8", "replace")
            except OSError:
                return  # the last writer has closed it

    def finish(self) -> int:
        self.read(lambda text: False)
        os.close(self.ours)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


def test_help_says_what_it_does(tmp_path: Path) -> None:
    shown = subprocess.run(
        [*DEMO, "--help"], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=60
    )
    assert "--keep" in shown.stdout
    wrong = subprocess.run(
        [*DEMO, "--runs", "3"], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60
    )
    assert wrong.returncode == 2
    assert "from 4 to 12" in wrong.stderr
