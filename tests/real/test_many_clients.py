"""Five hundred clients at once: each is answered, each job is accepted once, and memory comes back."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.daemon_process import PATIENCE, DaemonProcess
from tests.support import wait_until

pytestmark = pytest.mark.real

CLIENTS = 500


def test_five_hundred_clients_at_once_are_all_answered(make_daemon: Callable[..., DaemonProcess]) -> None:
    daemon = make_daemon("wire.max_connections=1200").start()
    here, leave = threading.Barrier(CLIENTS + 1), threading.Event()
    answers: list[int] = []
    faults: list[BaseException] = []

    def one(number: int) -> None:
        try:
            with daemon.client() as client:
                here.wait(PATIENCE)
                spec: dict[str, Any] = {"argv": ["/bin/true"], "cwd": "/", "hold": True}
                reply = client.call("job.submit", {"spec": spec, "key": f"key-{number}"})
                answers.append(reply["job"]["id"])
                leave.wait(PATIENCE)
        except BaseException as fault:  # shown by the test, not by the thread
            faults.append(fault)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    here.wait(PATIENCE)
    wait_until(lambda: len(answers) + len(faults) == CLIENTS)
    assert faults == []
    assert sorted(answers) == list(range(1, CLIENTS + 1))
    assert daemon.call("daemon.status")["connections"]["now"] >= CLIENTS
    leave.set()
    for thread in threads:
        thread.join()
    wait_until(lambda: daemon.call("daemon.status")["connections"]["now"] == 1)
    assert daemon.call("daemon.status")["connections"]["refused"] == 0
