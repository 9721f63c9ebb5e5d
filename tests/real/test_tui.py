"""The installed ``labd tui`` in a terminal (tmux), over a real daemon that is killed under it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon_process import CLEAN, PATIENCE, DaemonProcess
from tests.support import wait_until

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs the Debian package tmux"),
]

LABD = Path(sys.executable).with_name("labd")


class Terminal:
    """A terminal of tmux, on a server of its own."""

    def __init__(self, daemon: DaemonProcess, width: int, height: int) -> None:
        self._tmux = ["tmux", "-S", f"{daemon.folder}/tmux", "-f", "/dev/null"]
        self._env = CLEAN | {
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "LABD_TEST_FOLDER": daemon.folder,
            "HOME": daemon.folder,
        }
        self._env |= {"LABD_SOCKET": daemon.socket}
        self._size = ["-x", str(width), "-y", str(height)]

    def run(self, *words: str) -> None:
        """Begin a program in it."""
        self._do("new-session", "-d", *self._size, *words)

    def press(self, *keys: str) -> None:
        self._do("send-keys", *keys)

    def text(self) -> str:
        done = subprocess.run(
            [*self._tmux, "capture-pane", "-p"], check=False, capture_output=True, text=True, env=self._env
        )
        return done.stdout

    def sees(self, *texts: str) -> None:
        """Wait until all of *texts* are on the screen."""
        try:
            wait_until(lambda: all(text in self.text() for text in texts), PATIENCE, every=0.05)
        except AssertionError:
            raise AssertionError(f"no {texts} on the screen:\n{self.text()}") from None

    def ended(self) -> bool:
        """Whether its program has ended."""
        return (
            subprocess.run(
                [*self._tmux, "has-session"], check=False, capture_output=True, env=self._env
            ).returncode
            != 0
        )

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True, env=self._env)

    def _do(self, *words: str) -> None:
        subprocess.run([*self._tmux, *words], check=True, env=self._env)


@pytest.fixture
def daemon() -> Iterator[DaemonProcess]:
    with DaemonProcess(cores=4) as one:
        yield one.start()


@pytest.fixture
def terminal(daemon: DaemonProcess) -> Iterator[Terminal]:
    one = Terminal(daemon, 100, 30)
    yield one
    one.close()


def test_it_shows_what_happens_and_survives_the_death_of_the_daemon(
    daemon: DaemonProcess, terminal: Terminal
):
    with daemon.client() as client:
        spec = {"argv": ["sh", "-c", "echo one; echo two; sleep 300"], "name": "long", "env": {}}
        number = client.call("job.submit", {"spec": spec})["job"]["id"]
    terminal.run(str(LABD), "tui", "--page", "jobs")
    terminal.sees("long", "running", "● live")
    with daemon.client() as client:
        client.call("job.submit", {"spec": {"argv": ["true"], "name": "short", "env": {}}})
    terminal.sees("short", "succeeded")
    daemon.kill()
    terminal.sees("○ no labd", "long")
    daemon.start()
    terminal.sees("● live", "↻ after")
    with daemon.client() as client:
        client.call("job.submit", {"spec": {"argv": ["false"], "name": "later", "env": {}}})
    terminal.sees("later", "exit 1")
    terminal.press("Home", "l")
    terminal.sees("one", "two")
    terminal.press("2", "Home", "c")
    terminal.sees(f"Cancel job {number}")
    terminal.press("y")
    terminal.sees("cancelled")
    terminal.press("q")
    wait_until(terminal.ended, PATIENCE)


def test_it_waits_for_a_daemon_that_is_not_there_yet(daemon: DaemonProcess, terminal: Terminal):
    daemon.kill()
    terminal.run(str(LABD), "tui")
    terminal.sees("○ no labd")
    daemon.start()
    terminal.sees("● live", "Cores")


def test_without_colour_the_words_say_everything(daemon: DaemonProcess, terminal: Terminal):
    terminal.run("env", "NO_COLOR=1", str(LABD), "tui", "--page", "plugins")
    terminal.sees("fanout", "loaded", "Services")
    escapes = subprocess.run(
        ["tmux", "-S", f"{daemon.folder}/tmux", "capture-pane", "-p", "-e"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    colours = set(escapes.split("38;2;")[1:])
    assert all(len(set(code.split("m")[0].split(";")[:3])) == 1 for code in colours), "grey alone"


def test_without_a_terminal_it_says_what_to_use_instead(daemon: DaemonProcess):
    done = subprocess.run(
        [LABD, "tui"], check=False, capture_output=True, text=True, env=CLEAN, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert "labctl top" in done.stderr


def test_a_mistake_in_the_settings_is_named(daemon: DaemonProcess, terminal: Terminal):
    folder = Path(daemon.folder, ".config/labd")
    folder.mkdir(parents=True)
    folder.joinpath("tui.toml").write_text("theme = 'pink'")
    terminal.run("sh", "-c", f"{LABD} tui; sleep 60")
    terminal.sees("there is no 'pink'")


def test_the_first_picture_is_there_at_once(daemon: DaemonProcess, terminal: Terminal):
    """Generous, since the machine may be loaded: what is measured is reported by the benchmark."""
    begun = time.monotonic()
    terminal.run(str(LABD), "tui")
    terminal.sees("Machine")
    assert time.monotonic() - begun < 5.0


def test_it_never_imports_the_daemon():
    wrong = ("labd.daemon", "labd.jobs", "trio", "msgspec")
    code = f"import labd.tui.start, sys; print([n for n in sys.modules if n.startswith({wrong})])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "[]"
