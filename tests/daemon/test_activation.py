import os
import socket
import subprocess
import sys

import pytest

from labd.daemon.activation import take_sockets


@pytest.fixture
def passed(tmp_path):
    """``passed(*sockets)`` puts copies at consecutive descriptors; gives the first and the environment."""
    made = []

    def give(*items, pid=7, names="", count=None):
        first = 200
        for offset, item in enumerate(items):
            os.dup2(item.fileno(), first + offset, inheritable=True)
            made.append(first + offset)
        env = {"LISTEN_FDS": str(len(items)), "LISTEN_PID": str(pid), "LISTEN_FDNAMES": names, "PATH": "/bin"}
        return env, first

    yield give
    for fd in made:
        try:
            os.close(fd)
        except OSError:  # the code under test has closed it, as it should
            pass


@pytest.fixture
def listener(tmp_path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "labd.sock"))
        made.listen()
        yield made


@pytest.mark.real
def test_r25_a_passed_socket_is_taken_with_its_name_and_closed_on_exec(passed, listener):
    env, first = passed(listener, names="labd.socket")
    [taken] = take_sockets(env, 7, first)
    with taken.socket:
        assert (taken.name, taken.socket.fileno()) == ("labd.socket", first)
        assert taken.socket.getsockname() == listener.getsockname()
        assert not taken.socket.get_inheritable()
    assert env == {"PATH": "/bin"}


@pytest.mark.real
def test_sockets_for_another_process_are_left_alone_but_not_announced_further(passed, listener):
    env, first = passed(listener, pid=8)
    assert take_sockets(env, 7, first) == []
    assert env == {"PATH": "/bin"}
    os.fstat(first)


@pytest.mark.real
def test_what_is_no_listening_stream_socket_is_closed_and_said(passed, listener, tmp_path, caplog):
    deaf, datagrams = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with deaf, datagrams, open(tmp_path / "file", "w") as file:
        env, first = passed(deaf, datagrams, file, listener, names="a:b:c:d")
        [taken] = take_sockets(env, 7, first)
    taken.socket.close()
    assert taken.name == "d"
    assert caplog.text.count("systemd passed descriptor") == 3


@pytest.mark.parametrize("count", ["", "x", "-1"])
def test_nothing_sensible_means_no_sockets(count):
    assert take_sockets({"LISTEN_FDS": count, "LISTEN_PID": "7"}, 7) == []
    assert take_sockets({}) == []


PROGRAM = """
import os
from labd.daemon.activation import take_sockets
os.environ["LISTEN_PID"] = str(os.getpid())
[taken] = take_sockets()
connection, _ = taken.socket.accept()
connection.sendall(b"hello")
"""

MOVE = "import os, sys; os.dup2({}, 3); os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])"


@pytest.mark.real
def test_r25_a_client_that_connects_before_the_daemon_runs_is_served(listener):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(listener.getsockname())
        env = os.environ | {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "labd.socket"}
        command = [sys.executable, "-c", MOVE.format(listener.fileno()), PROGRAM]
        subprocess.run(command, env=env, pass_fds=[listener.fileno()], check=True, timeout=120)
        assert client.recv(10) == b"hello"
