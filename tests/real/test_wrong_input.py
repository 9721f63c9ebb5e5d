"""Whatever is wrong is refused with a code, a name, a value, a place and a next step, and leaves no trace."""

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from labd.errors import LabdError
from labd.wire.messages import Reply
from labd.wire.session import Session
from tests.daemon_process import PATIENCE, DaemonProcess
from tests.real.wrong_inputs import CALLS, FILES, FRAMES, LABCTL, LABD, Asked, Words
from tests.support import wait_until

pytestmark = pytest.mark.real

TABLES = ("meta", "events", "jobs", "attempts", "environments")

NO_HINT = (
    "submit --param x true", "submit --script {dir}/missing", "call job.show job", "call job.show -",
    "show 99999999999999999999",
)  # fmt: skip
"""Whose message says all: what is wrong is the whole of what was typed."""

Filled = Callable[[str], str]


@pytest.fixture(scope="module")
def running() -> Iterator[DaemonProcess]:
    """A daemon with three jobs, of which one runs."""
    with DaemonProcess() as daemon:
        daemon.start()
        daemon.ended(daemon.submit("true", name="alpha"), daemon.submit("true", name="alpine"))
        daemon.submit("sleep", "1000", name="runner")
        wait_until(lambda: daemon.rows("select state from jobs where name = 'runner'") == [("running",)])
        os.mkdir(f"{daemon.folder}/w")
        for name, data in FILES.items():
            with open(f"{daemon.folder}/w/{name}", "wb") as file:
                file.write(data)
        yield daemon
        assert "Traceback" not in daemon.log()


@pytest.fixture
def filled(running: DaemonProcess) -> Filled:
    """Puts the folder with the files into a text."""
    return lambda text: text.replace("{dir}", f"{running.folder}/w").replace("{long}", "x" * 120)


@pytest.fixture(autouse=True)
def nothing_is_stored(running: DaemonProcess) -> Iterator[None]:
    """Events and tables are the same after each wrong input."""
    before = stored(running)
    yield
    assert stored(running) == before
    assert "Traceback" not in running.log()


def stored(daemon: DaemonProcess) -> list[list[tuple[object, ...]]]:
    return [daemon.rows(f"select * from {table} order by 1") for table in TABLES]


def test_the_tables_are_as_long_as_promised() -> None:
    assert len({w.words for w in LABCTL}) + len(CALLS) + len(FRAMES) + len(LABD) >= 80


@pytest.mark.parametrize("wrong", LABCTL, ids=lambda wrong: f"{wrong.words} {wrong.input or ''}")
def test_labctl_refuses(running: DaemonProcess, filled: Filled, wrong: Words) -> None:
    done = running.labctl(*shlex.split(filled(wrong.words)), input=wrong.input)
    assert done.returncode == wrong.code, done.stderr
    assert [word for word in map(filled, wrong.said) if word not in done.stderr] == [], done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith(("labctl: ", '{"version": 1, "error": '))
    assert "Traceback" not in done.stderr
    assert wrong.words in NO_HINT or "hint" in done.stderr


@pytest.mark.parametrize("wrong", CALLS, ids=lambda wrong: f"{wrong.method} {wrong.params}"[:80])
def test_the_daemon_refuses(running: DaemonProcess, wrong: Asked) -> None:
    with pytest.raises(LabdError) as refusal:
        running.call(wrong.method, wrong.params)
    said = f"{refusal.value.message}\n{refusal.value.hint}"
    assert refusal.value.code == wrong.code, said
    assert [word for word in wrong.said if word not in said] == [], said
    assert refusal.value.hint


@pytest.mark.parametrize("name", FRAMES)
def test_the_daemon_says_why_it_hangs_up(running: DaemonProcess, name: str) -> None:
    data, said = FRAMES[name]
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(running.socket)
        sock.sendall(data)
        [reply] = Session().feed(sock.recv(65_536))
        assert isinstance(reply, Reply)
        assert isinstance(reply.error, dict)
        assert reply.error["code"] == "protocol"
        assert said in reply.error["message"]
        assert left(sock) == b""
    wait_until(lambda: said in running.log())


def left(sock: socket.socket) -> bytes:
    """What still comes before the end; a peer that hangs up on unread bytes resets the connection."""
    try:
        return sock.recv(65_536)
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("wrong", LABD, ids=lambda wrong: wrong.words[:60])
def test_the_daemon_does_not_start(running: DaemonProcess, filled: Filled, wrong: Words) -> None:
    """Each has a state directory of its own, except where that is what is wrong."""
    env = running.environment | {"STATE_DIRECTORY": f"{running.folder}/other"}
    command = [sys.executable, "-m", "labd", *shlex.split(filled(wrong.words))]
    done = subprocess.run(command, check=False, env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == wrong.code, done.stderr
    assert [word for word in map(filled, wrong.said) if word not in done.stderr] == [], done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert running.call("ping") == {}
