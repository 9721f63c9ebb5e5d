"""``labd tui -H``: over a real sshd, in a terminal of tmux."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon_process import PATIENCE, DaemonProcess
from tests.real.sshd import SSHD, Sshd
from tests.real.test_tui import LABD, Terminal
from tests.support import wait_until

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not shutil.which("ssh"), reason="needs the Debian package openssh-client"),
    pytest.mark.skipif(not Path(SSHD).exists(), reason="needs the Debian package openssh-server"),
    pytest.mark.skipif(not shutil.which("tmux"), reason="needs the Debian package tmux"),
]


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    found = Sshd(tmp_path)
    yield found.start()
    found.stop()


@pytest.fixture
def terminal(daemon: DaemonProcess) -> Iterator[Terminal]:
    one = Terminal(daemon, 110, 30)
    yield one
    one.close()


def words(sshd: Sshd, socket: str, key: str = "key") -> list[str]:
    return [
        "env", "LABD_SOCKET=/nowhere", str(LABD), "tui", "-H", "127.0.0.1", "--ssh", sshd.ssh(key),
        "--remote-labctl", sshd.labctl(socket),
    ]  # fmt: skip


def test_it_shows_and_steers_another_machine(daemon: DaemonProcess, terminal: Terminal, sshd: Sshd):
    terminal.run(*words(sshd, daemon.socket))
    terminal.sees("127.0.0.1", "● live", "Cores")
    terminal.press("n")
    terminal.sees("New job", os.path.expanduser("~"))
    terminal.press(*"pwd", "Enter")
    terminal.sees("Submitted job 1")
    terminal.press("2")
    terminal.sees("pwd", "succeeded")
    daemon.kill()
    terminal.sees("○ no labd", "pwd")
    daemon.start()
    terminal.sees("● live", "↻ after")
    terminal.press("q")
    wait_until(terminal.ended, PATIENCE)


def test_what_ssh_says_is_said(daemon: DaemonProcess, terminal: Terminal, sshd: Sshd):
    terminal.run(*words(sshd, daemon.socket, key="stranger"))
    terminal.sees("○ no labd", "the login was refused", "ssh-copy-id")
    terminal.press("q")
    wait_until(terminal.ended, PATIENCE)


def test_a_machine_without_a_daemon_says_so(daemon: DaemonProcess, terminal: Terminal, sshd: Sshd):
    daemon.kill()
    terminal.run(*words(sshd, daemon.socket))
    terminal.sees("○ no labd", "no labd answers at", "start it there")
    daemon.start()
    terminal.sees("● live", "Cores")
