"""No client can end the daemon, hold it up, or make it grow. R14, R15."""

import logging
import os
import random
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from labd.errors import Overloaded
from labd.wire.messages import Request
from labd.wire.session import encode
from tests.daemon_process import PATIENCE, DaemonProcess
from tests.support import wait_until

log = logging.getLogger("tests")  # pytest --log-cli-level=info shows the figures
pytestmark = pytest.mark.real

GROWTH = 96 * 2**20
"""Bytes that the daemon may hold for 40 hostile clients, most of whom may each use up a whole frame."""

Attack = Callable[[socket.socket, random.Random], None]


def reset(sock: socket.socket, dice: random.Random) -> None:
    """Leave with answers unread: the daemon's next write fails."""
    sock.sendall(b"".join(encode(Request(n, "methods", {})) for n in range(dice.randrange(1, 20))))


def half_open(sock: socket.socket, dice: random.Random) -> None:
    sock.sendall(encode(Request(1, "methods", {}))[: dice.randrange(1, 8)])
    sock.shutdown(socket.SHUT_WR)
    _drain(sock)


def silent(sock: socket.socket, dice: random.Random) -> None:
    time.sleep(dice.uniform(0, 0.2))


def garbage(sock: socket.socket, dice: random.Random) -> None:
    for _ in range(dice.randrange(1, 50)):
        sock.sendall(dice.randbytes(dice.randrange(1, 4000)))


def claims_4_gib(sock: socket.socket, dice: random.Random) -> None:
    claim = dice.choice((b"\xdb", b"\xc6", b"\xdd", b"\xdf")) + b"\xff" * 4
    sock.sendall(b"\x94\x00\x01\xa4ping\x91" + claim + b"x" * 100_000)


def deep(sock: socket.socket, dice: random.Random) -> None:
    sock.sendall(b"\x94\x00\x01\xa4ping" + dice.choice((b"\x91", b"\x81\xa1a")) * 100_000)


def huge(sock: socket.socket, dice: random.Random) -> None:
    sock.sendall(encode(Request(1, "ping", {"x": b"x" * (6 * 2**20)})))


def many_containers(sock: socket.socket, dice: random.Random) -> None:
    sock.sendall(b"\x94\x00\x01\xa4ping\x91\x81\xa1x\xdd\x00\x01\xff\xff" + b"\x90" * 131_071)


def byte_by_byte(sock: socket.socket, dice: random.Random) -> None:
    for byte in encode(Request(1, "job.list", {"limit": 1})) * 3:
        sock.sendall(bytes([byte]))


def slow_reader(sock: socket.socket, dice: random.Random) -> None:
    """Ask without end and read nothing."""
    for number in range(10_000):
        sock.sendall(encode(Request(number, "methods", {})))


def wrong_messages(sock: socket.socket, dice: random.Random) -> None:
    """Well-formed MessagePack that is no request, or none that can be meant."""
    wrong = (
        b"\x93\x02\xa6cancel\x91\xc0",
        b"\x94\x00\xff\xa4ping\x90",
        b"\x94\x01\x01\xc0\xc0",
        b"\xc0",
        b"\xd4\x7f\x00",
    )
    sock.sendall(dice.choice(wrong))
    _drain(sock)


ATTACKS: tuple[Attack, ...] = (
    reset, half_open, silent, garbage, claims_4_gib, deep, huge, many_containers, byte_by_byte, slow_reader,
    wrong_messages,
)  # fmt: skip


def _drain(sock: socket.socket) -> None:
    while sock.recv(65_536):
        pass


def attack_for(daemon: DaemonProcess, until: float, seed: int) -> None:
    """One hostile client after the other until *until* on the monotonic clock."""
    dice = random.Random(seed)
    while time.monotonic() < until:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(0.3)
            try:
                sock.connect(daemon.socket)
                dice.choice(ATTACKS)(sock, dice)
            except OSError:
                pass  # turned away, hung up on, or not read any more: as it should be


@contextmanager
def under_attack(daemon: DaemonProcess, seconds: float, clients: int = 8) -> Iterator[Callable[[], bool]]:
    """Attack for so long; gives a way to ask whether it still goes on."""
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=attack_for, args=(daemon, until, n), daemon=True) for n in range(clients)
    ]
    for thread in threads:
        thread.start()
    yield lambda: time.monotonic() < until
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)


def test_r14_hostile_clients_hold_up_nobody_and_take_bounded_memory(daemon: DaemonProcess) -> None:
    before, waits, peak = daemon.rss(), [], 0
    with daemon.client() as good, under_attack(daemon, 6.0) as goes_on:
        while goes_on():
            begun = time.monotonic()
            good.call("job.submit", {"spec": {"argv": ["/bin/true"]}})
            waits.append(time.monotonic() - begun)
            peak = max(peak, daemon.rss())
    log.info(
        f"{len(waits)} answers, the slowest after {max(waits):.3f} s; {(peak - before) / 2**20:.1f} MiB more"
    )
    assert daemon.call("daemon.status")["connections"]["served"] > 100, "hardly anybody attacked"
    assert max(waits) < 10.0
    assert peak - before < GROWTH
    wait_until(lambda: daemon.call("daemon.status")["connections"]["now"] <= 1)
    assert daemon.process is not None
    assert daemon.process.poll() is None


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_r14_others_are_answered_during(daemon: DaemonProcess, attack: Attack) -> None:
    with ExitStack() as stack:
        socks = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(4)]
        for number, sock in enumerate(socks):
            sock.settimeout(0.3)
            sock.connect(daemon.socket)
            try:
                attack(sock, random.Random(number))
            except OSError:
                pass  # as above
        assert daemon.call("ping") == {}
    assert daemon.call("ping") == {}


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Be a user without rights for the kernel, who tells the daemon who connects."""
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_r14_more_clients_than_allowed_are_told_so_and_an_admin_gets_in(
    make_daemon: Callable[..., DaemonProcess],
) -> None:
    daemon = make_daemon("wire.max_connections=8").start()
    os.chmod(daemon.folder, 0o755)
    with ExitStack() as stack:
        with as_somebody_else():
            clients = [stack.enter_context(daemon.client()) for _ in range(4)]
            with pytest.raises(Overloaded, match="4 clients of nobody are connected, the limit"):
                daemon.client()
        assert daemon.call("ping") == {}
        assert [client.call("ping") for client in clients] == [{}] * 4
    wait_until(lambda: daemon.call("daemon.status")["connections"]["now"] == 1)
    with as_somebody_else():
        assert daemon.call("ping") == {}


def test_r15_without_descriptors_labd_lives_refuses_and_recovers(daemon: DaemonProcess) -> None:
    with daemon.client() as good, ExitStack() as stack:
        used = len(os.listdir(f"/proc/{daemon.pid}/fd"))
        _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (used + 10, hard))
        for _ in range(60):
            sock = stack.enter_context(socket.socket(socket.AF_UNIX))
            sock.connect(daemon.socket)
        wait_until(lambda: "no client can be accepted" in daemon.log())
        begun, worked = time.monotonic(), _cpu(daemon)
        job = good.call("job.submit", {"spec": {"argv": ["/bin/sh", "-c", "exit 4"]}})["job"]["id"]
        wait_until(lambda: daemon.log().count("no client can be accepted") > 8)
        assert good.call("ping") == {}
        assert _cpu(daemon) - worked < 0.7 * (time.monotonic() - begun), "it spins"
    assert daemon.call("ping") == {}, "it does not accept any more"
    assert daemon.ended(job)[0]["exit_code"] == 4
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (hard, hard))


def _cpu(daemon: DaemonProcess) -> float:
    """Seconds of processor time that the daemon has used."""
    with open(f"/proc/{daemon.pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
