"""What is peculiar to the blocking client: time limits, sockets given to it, what it imports."""

import socket
import subprocess
import sys
import threading

import pytest

from labd.errors import DeadlineExceeded, ProtocolError, Unreachable, UsageError
from labd.wire.blocking import Client
from labd.wire.messages import Notice
from tests.wire.scripted import Daemon, Peer

pytestmark = pytest.mark.real


@pytest.fixture
def pair():
    """A client's socket and the peer at its other end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, Peer(theirs)


def in_thread(work, *args):
    thread = threading.Thread(target=work, args=args, daemon=True)
    thread.start()
    return thread


def test_it_works_over_a_socket_it_is_given(pair):
    ours, peer = pair
    greeting = in_thread(peer.greet)
    with Client("ssh host", sock=ours) as client:
        greeting.join()
        client.notify("cancel", {"id": 9})
        assert peer.receive() == Notice("cancel", {"id": 9})


def test_a_daemon_that_does_not_say_hello_is_left_in_time(pair):
    ours, _ = pair
    with pytest.raises(DeadlineExceeded, match=r"did not answer hello within 0\.05 s"):
        Client("here", 0.05, sock=ours)
    assert ours.fileno() == -1


def test_a_daemon_that_does_not_accept_is_left_in_time(tmp_path):
    path = str(tmp_path / "labd.sock")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)  # it fills the queue
        with pytest.raises(DeadlineExceeded, match=r"the connection within 0\.05 s"):
            Client(path, 0.05)


def test_a_daemon_that_does_not_read_is_left_in_time_and_the_half_sent_message_is_the_last(pair):
    ours, peer = pair
    greeting = in_thread(peer.greet)
    client = Client("here", sock=ours)
    greeting.join()
    with pytest.raises(DeadlineExceeded):
        client.call("job.submit", {"spec": b"x" * 1_000_000}, timeout=0.3)
    with pytest.raises(Unreachable):
        client.call("ping", timeout=0.3)
    client.close()


def test_events_of_a_lost_connection_end_with_the_reason(pair):
    ours, peer = pair

    def daemon():
        peer.greet()
        peer.subscribed(peer.expect("subscribe"), seq=0)
        peer.events(1)
        peer.close()

    thread = in_thread(daemon)
    with Client("here", sock=ours) as client:
        events = client.events([])
        assert next(events)["seq"] == 1
        with pytest.raises(Unreachable, match="labd at here closed the connection"):
            next(events)
    thread.join()


def test_a_closed_client_says_so(pair):
    ours, peer = pair
    greeting = in_thread(peer.greet)
    client = Client("here", sock=ours)
    greeting.join()
    client.close()
    client.close()
    with pytest.raises(Unreachable, match="closed by its owner"):
        client.call("ping")
    with pytest.raises(Unreachable, match="closed by its owner"):
        client.notify("ping")


def test_a_socket_path_that_is_none_is_unreachable(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (str(tmp_path), str(tmp_path / "file"), "/x" * 200):
        with pytest.raises(Unreachable):
            Client(path)


def test_a_refused_call_leaves_the_client_usable(tmp_path):
    path = str(tmp_path / "labd.sock")

    def daemon(peer):
        peer.greet()
        peer.refuse(peer.receive(), UsageError("no such job").as_wire())
        peer.reply(peer.receive(), 1)
        peer.expect("bye")
        peer.send(b"\xc1")
        peer.wait_closed()

    with Daemon(path, daemon), Client(path) as client:
        with pytest.raises(UsageError):
            client.call("job.show")
        assert client.call("ping") == 1
        client.notify("bye")
        with pytest.raises(ProtocolError):
            client.call("ping")


def test_it_imports_nothing_heavy():
    program = """
import sys
import labd.wire.blocking
heavy = ["asyncio", "trio", "numpy", "dataclasses", "logging", "tomllib", "pluggy", "importlib.metadata",
         "msgspec", "inspect", "email", "subprocess", "threading", "json", "argparse"]
print(*(name for name in heavy if name in sys.modules))
"""
    paths = f"import sys; sys.path[:0] = {sys.path!r}"  # -S: no .pth file of the tests' environment counts
    command = [sys.executable, "-S", "-c", paths + program]
    assert subprocess.check_output(command, text=True, timeout=60).strip() == ""
