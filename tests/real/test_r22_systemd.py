"""What systemd is told, and what it hands over: readiness, watchdog, sockets. R22, R25."""

import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon_process import PATIENCE, DaemonProcess
from tests.support import wait_until

pytestmark = pytest.mark.real

INTERVAL = 1.0
"""Seconds of the watchdog; a busy machine answers within a quarter of it now and then only."""


class Manager:
    """A service manager that only listens."""

    def __init__(self, daemon: DaemonProcess) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"{daemon.folder}/notify")
        daemon.env["NOTIFY_SOCKET"] = f"{daemon.folder}/notify"
        daemon.env["WATCHDOG_USEC"] = str(int(INTERVAL * 1e6))

    def next(self, timeout: float = PATIENCE) -> list[str]:
        """The lines of the next message; none when there was no message in time."""
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(4096).decode().splitlines()
        except TimeoutError:
            return []

    def until(self, line: str) -> list[str]:
        while line not in (message := self.next()):
            assert message, f"{line} was never said"
        return message

    def drain(self) -> None:
        while self.next(0.05):
            pass


@pytest.fixture
def watched(make_daemon: Callable[..., DaemonProcess]) -> Iterator[tuple[DaemonProcess, Manager]]:
    daemon = make_daemon()
    manager = Manager(daemon)
    yield daemon, manager
    manager.socket.close()


def test_r22_ready_means_that_clients_are_answered(watched: tuple[DaemonProcess, Manager]) -> None:
    daemon, manager = watched
    for _ in range(5):
        daemon.spawn()
        manager.until("READY=1")
        assert daemon.call("ping") == {}
        daemon.kill()
        manager.drain()


def test_r22_ready_means_that_what_ended_meanwhile_is_known(watched: tuple[DaemonProcess, Manager]) -> None:
    daemon, manager = watched
    job = daemon.start().shell("sleep 0.5; exit 3")
    wait_until((daemon.attempt(job) / "started").exists)
    daemon.kill()
    daemon.until_exit(job)
    manager.drain()
    daemon.spawn()
    manager.until("READY=1")
    assert daemon.job(job)["exit_code"] == 3


def test_r22_the_watchdog_is_fed_by_a_daemon_that_is_well_only(
    watched: tuple[DaemonProcess, Manager],
) -> None:
    daemon, manager = watched
    daemon.spawn()
    manager.until("READY=1")
    manager.until("WATCHDOG=1")
    os.kill(daemon.pid, signal.SIGSTOP)
    manager.drain()
    assert manager.next(2 * INTERVAL) == [], "a stopped daemon says that it is well"
    os.kill(daemon.pid, signal.SIGCONT)
    manager.until("WATCHDOG=1")


def test_r22_the_words_for_systemd_are_not_passed_on_to_jobs(watched: tuple[DaemonProcess, Manager]) -> None:
    daemon, _ = watched
    job = daemon.start().shell("env")
    daemon.ended(job)
    said = daemon.call("job.log", {"job": job})["data"]
    assert b"NOTIFY_SOCKET" not in said
    assert b"WATCHDOG" not in said


def test_r22_stopping_is_said(watched: tuple[DaemonProcess, Manager]) -> None:
    daemon, manager = watched
    daemon.start()
    assert daemon.kill(signal.SIGTERM) == 0
    manager.until("STOPPING=1")


# -- R25 ---------------------------------------------------------------------------------------------


def with_socket(daemon: DaemonProcess, listener: socket.socket) -> None:
    """Start *daemon* as systemd would: the listening socket is descriptor 3, the variables name it."""
    script = f'exec 3<&{listener.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
    daemon.spawn("bash", "-c", script, "bash", pass_fds=[listener.fileno()])


def test_r25_clients_wait_through_a_restart_and_none_is_refused(
    make_daemon: Callable[..., DaemonProcess],
) -> None:
    daemon = make_daemon()
    os.mkdir(os.path.dirname(daemon.socket))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(daemon.socket)
        listener.listen(128)
        answers: list[object] = []
        clients = [threading.Thread(target=lambda: answers.append(daemon.call("ping"))) for _ in range(20)]
        for number, client in enumerate(clients):
            client.start()
            if number in (4, 14):  # some wait for the first daemon, some for the second and the third
                with_socket(daemon, listener)
                wait_until(lambda before=number: len(answers) > before, PATIENCE)  # type: ignore[misc]
                daemon.kill(signal.SIGTERM)
        with_socket(daemon, listener)
        for client in clients:
            client.join(PATIENCE)
        assert answers == [{}] * len(clients)
        assert os.path.exists(daemon.socket), "the socket of systemd was removed"


@pytest.mark.skipif(
    shutil.which("systemd-socket-activate") is None, reason="systemd-socket-activate is missing"
)
def test_r25_the_first_client_starts_the_daemon(make_daemon: Callable[..., DaemonProcess]) -> None:
    daemon = make_daemon()
    Path(daemon.socket).parent.mkdir()
    passed = [f"--setenv={name}={value}" for name, value in daemon.environment.items()]
    daemon.spawn("systemd-socket-activate", "-l", daemon.socket, *passed)
    wait_until(lambda: os.path.exists(daemon.socket))
    assert not os.path.exists(f"{daemon.state}/labd.db"), "it runs before anybody asked"
    assert daemon.call("ping") == {}
    job = daemon.shell("exit 6")
    assert daemon.ended(job)[0]["exit_code"] == 6
