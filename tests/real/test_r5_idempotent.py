"""A submission with a key counts once, whatever becomes of its answer. R5."""

import socket

import pytest

from labd.wire.messages import Request
from labd.wire.session import encode
from tests.daemon_process import DaemonProcess
from tests.support import wait_until

pytestmark = pytest.mark.real

SPEC = {"argv": ["/bin/true"]}


def send_and_leave(daemon: DaemonProcess, key: str) -> None:
    """Ask for a job and hang up before the answer can be read."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(daemon.socket)
        sock.sendall(encode(Request(1, "job.submit", {"spec": SPEC, "key": key})))


def test_r5_a_submission_whose_answer_was_lost_is_one_job(daemon: DaemonProcess) -> None:
    keys = [f"key {number}" for number in range(30)]
    for key in keys:
        send_and_leave(daemon, key)
    first = [daemon.submit("/bin/true", key=key) for key in keys]
    again = [daemon.submit("/bin/true", key=key) for key in keys]
    assert first == again
    assert len(set(first)) == len(keys)
    assert len(daemon.call("job.list", {"limit": 1000})["jobs"]) == len(keys)
    assert daemon.rows("select key, count(*) from jobs group by key having count(*) > 1") == []


def test_r5_the_same_key_gives_the_same_job_after_a_kill(daemon: DaemonProcess) -> None:
    first = daemon.submit("/bin/true", key="mine")
    daemon.restart()
    reply = daemon.call("job.submit", {"spec": SPEC, "key": "mine"})
    assert (reply["job"]["id"], reply["created"]) == (first, False)


def test_r5_the_same_key_at_the_same_moment_is_one_job(daemon: DaemonProcess) -> None:
    """Both requests are there before the first is durable."""
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as two:
        for sock in (one, two):
            sock.connect(daemon.socket)
        for sock in (one, two):
            sock.sendall(encode(Request(1, "job.submit", {"spec": SPEC, "key": "ours"})) * 2)
        wait_until(lambda: daemon.call("job.list", {})["jobs"])
    daemon.ended(daemon.submit("/bin/true", key="ours"))
    assert len(daemon.call("job.list", {})["jobs"]) == 1
