"""One daemon per state directory, and nothing to clean up after a kill. R13."""

import os
import signal
import socket

import pytest

from tests.daemon_process import PATIENCE, DaemonProcess

pytestmark = pytest.mark.real

ROUNDS = 50 if "LABD_TEST_ROUNDS" in os.environ else 20


def second(daemon: DaemonProcess) -> tuple[int, str]:
    """Start another daemon on the same state; its exit code and what it said."""
    first, before = daemon.process, len(daemon.log())
    code = daemon.spawn().wait(PATIENCE)
    daemon.process = first
    return code, daemon.log()[before:]


def test_r13_a_second_daemon_leaves_with_code_10_and_names_the_first(daemon: DaemonProcess) -> None:
    code, said = second(daemon)
    assert code == 10
    assert f"process {daemon.pid} is a labd on {daemon.state}" in said
    assert "hint:" in said
    assert daemon.answers(), "the first daemon was disturbed"
    assert daemon.call("ping") == {}


def test_r13_a_stopped_daemon_still_holds_its_state(daemon: DaemonProcess) -> None:
    """One that does not answer is not one that has gone."""
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        assert second(daemon)[0] == 10
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    assert daemon.answers()


def test_r13_a_killed_daemon_starts_again_without_help(daemon: DaemonProcess) -> None:
    jobs = []
    for number in range(ROUNDS):
        jobs.append(daemon.submit("/bin/true", key=str(number)))
        daemon.kill()
        assert os.path.exists(daemon.socket), "nothing was left over: this proves nothing"
        daemon.start()
    assert jobs == list(range(1, ROUNDS + 1))
    assert {job["state"] for job in daemon.ended(*jobs)} == {"succeeded"}


def test_r13_a_stale_socket_of_somebody_else_is_replaced(daemon: DaemonProcess) -> None:
    daemon.kill()
    os.unlink(daemon.socket)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(daemon.socket)
    daemon.start()
    assert daemon.call("ping") == {}
