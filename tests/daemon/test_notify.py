import os
import socket
from itertools import pairwise

import pytest
import trio

from labd.daemon.notify import Notifier, Watchdog, take_notifier, take_watchdog_interval


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """A socket that stands for systemd's, and its address as NOTIFY_SOCKET gives it."""
    address = (
        str(tmp_path / "notify") if request.param == "path" else f"@labd-test-{os.getpid()}-{id(request)}"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind("\0" + address[1:] if address.startswith("@") else address)
        server.settimeout(30)
        yield server, address


@pytest.mark.real
def test_states_are_sent_as_systemd_reads_them(manager):
    server, address = manager
    notifier = Notifier(address, monotonic=lambda: 12.5)
    notifier.ready("5 plugins,\n2 GPUs")
    notifier.status("draining")
    notifier.reloading()
    notifier.extend_timeout(1.5)
    notifier.stopping("SIGTERM")
    notifier.alive()
    assert [server.recv(500).decode() for _ in range(6)] == [
        "READY=1\nSTATUS=5 plugins, 2 GPUs",
        "STATUS=draining",
        "RELOADING=1\nMONOTONIC_USEC=12500000",
        "EXTEND_TIMEOUT_USEC=1500000",
        "STOPPING=1\nSTATUS=SIGTERM",
        "WATCHDOG=1",
    ]


def test_without_systemd_nothing_happens():
    assert Notifier().send(READY=1) is False


def test_a_manager_that_is_gone_is_no_error(tmp_path, caplog):
    assert Notifier(str(tmp_path / "gone")).send(READY=1) is False
    assert "cannot tell systemd READY" in caplog.text


def test_the_address_leaves_the_environment():
    env = {"NOTIFY_SOCKET": "/run/systemd/notify", "PATH": "/bin"}
    take_notifier(env)
    assert env == {"PATH": "/bin"}


@pytest.mark.parametrize(
    ("usec", "meant", "interval"),
    [
        ("30000000", "7", 30),
        ("30000000", "", 30),
        ("30000000", "8", 0),
        ("", "", 0),
        ("x", "7", 0),
        ("-1", "7", 0),
    ],
)
def test_r22_the_watchdog_is_kept_only_by_the_process_that_is_meant(usec, meant, interval):
    env = {"WATCHDOG_USEC": usec, "WATCHDOG_PID": meant}
    assert take_watchdog_interval(env, pid=7) == interval
    assert env == {}


class Feeder(Notifier):
    """Notes when the watchdog was fed."""

    def __init__(self):
        super().__init__()
        self.fed = []

    def alive(self):
        self.fed.append(trio.current_time())


async def fed(prove, *, interval=20.0, until=60.0):
    feeder = Feeder()
    dog = Watchdog(feeder, interval, prove)
    with trio.move_on_after(until):
        await dog.run()
    return feeder.fed, dog.statistics()


async def test_r22_a_healthy_daemon_feeds_twice_per_interval(autojump_clock):
    async def well():
        await trio.sleep(1)

    times, statistics = await fed(well)
    assert times == [1, 11, 21, 31, 41, 51]
    assert statistics == (6, 0)


async def test_r22_a_proof_that_raises_feeds_nothing_until_it_heals(autojump_clock, caplog):
    async def sick():
        if trio.current_time() < 25:
            raise OSError("store is down")

    times, statistics = await fed(sick)
    assert times == [30, 40, 50]
    assert statistics == (3, 3)
    assert "store is down" in caplog.text


async def test_r22_a_proof_that_takes_too_long_feeds_nothing(autojump_clock, caplog):
    times, statistics = await fed(trio.sleep_forever)
    assert (times, statistics) == ([], (0, 6))
    assert "no proof of health within 5 s" in caplog.text


async def test_the_longest_gap_between_two_feeds_is_shorter_than_the_interval(autojump_clock):
    delays = iter([0, 4.99] * 3)

    async def uneven():
        await trio.sleep(next(delays))

    times, _ = await fed(uneven)
    assert max(b - a for a, b in pairwise(times)) < 20


async def test_without_a_watchdog_the_service_ends_at_once(autojump_clock, nursery):
    await nursery.start(Watchdog(Feeder(), 0, trio.sleep_forever).run)
    assert trio.current_time() == 0
