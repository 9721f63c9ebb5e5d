"""A subscriber that does not read costs nothing, is told what it missed, and can catch up. R16."""

import logging
import socket
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest

from labd.wire.messages import Message, Notice, Request
from labd.wire.session import Session, encode
from tests.daemon_process import DaemonProcess
from tests.real.plugin import install

log = logging.getLogger("tests")  # pytest --log-cli-level=info shows the figures
pytestmark = pytest.mark.real

EVENTS = 100_000
GROWTH = 8 * 2**20

FLOOD = """
    import msgspec
    import trio
    from labd.api import Method, Role, hookimpl


    class Params(msgspec.Struct):
        events: int


    @hookimpl
    def labd_methods(node):
        async def publish(call, params):
            left = iter(range(params.events))

            async def some():
                for number in left:
                    await node.events.publish("flood.drop", {"number": number})

            async with trio.open_nursery() as nursery:
                for _ in range(500):
                    nursery.start_soon(some)
            return {}

        return Method("flood.publish", publish, Params, Role.ADMIN, "Publish many events.")
"""


class Reader:
    """A subscriber that reads when it is told to, on a bare socket."""

    def __init__(self, daemon: DaemonProcess, credit: int, since: int | None = None) -> None:
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.settimeout(60)
        self._sock.connect(daemon.socket)
        self._session = Session()
        self.messages: list[Message] = []
        params = {"topics": ["flood.*"], "credit": credit, "since": since}
        self._sock.sendall(encode(Request(1, "subscribe", params)))

    def read_until(self, wanted: Callable[[list[Message]], bool]) -> list[Message]:
        """Everything that came, once *wanted* is true of it."""
        while not wanted(self.messages):
            self.messages += self._session.feed(self._sock.recv(65_536))
        return self.messages

    def grant(self, events: int) -> None:
        self._sock.sendall(encode(Notice("credit", {"subscription": 1, "events": events})))

    def close(self) -> None:
        self._sock.close()


def events_in(messages: list[Message]) -> list[dict[str, Any]]:
    return [e for m in messages if isinstance(m, Notice) and m.method == "event" for e in m.params["events"]]


def lagged_in(messages: list[Message]) -> list[dict[str, Any]]:
    return [m.params for m in messages if isinstance(m, Notice) and m.method == "lagged"]


@pytest.fixture
def flooded(make_daemon: Callable[..., DaemonProcess]) -> DaemonProcess:
    """A daemon that can be made to publish, warm: what it keeps in memory it holds already."""
    daemon = make_daemon("wire.send_timeout=600")
    install(daemon, "flood", FLOOD)
    daemon.start()
    daemon.call("flood.publish", {"events": 10_000})
    return daemon


def test_r16_a_subscriber_that_never_reads_costs_bounded_memory(flooded: DaemonProcess) -> None:
    deaf, poor = Reader(flooded, credit=65_536), Reader(flooded, credit=10)
    poor.read_until(lambda messages: len(messages) == 1)
    first = flooded.call("event.list", {"limit": 1})["last"]
    before = flooded.rss()
    flooded.call("flood.publish", {"events": EVENTS}, timeout=120)
    grown = flooded.rss() - before
    log.info(f"{EVENTS} events, {grown / 2**20:.1f} MiB more")
    assert grown < GROWTH
    _is_told_what_it_missed(poor, first)
    _catches_up(flooded, first)
    for reader in (deaf, poor):
        reader.close()
    assert flooded.call("ping") == {}


def _is_told_what_it_missed(poor: Reader, first: int) -> None:
    """It had credit for ten events; with more credit it hears of the gap, and goes on after it."""
    poor.grant(100)
    messages = poor.read_until(lambda messages: len(events_in(messages)) >= 110)
    seqs = [event["seq"] for event in events_in(messages)]
    [lag] = lagged_in(messages)
    assert seqs[:10] == list(range(first + 1, first + 11))
    assert (lag["first"], lag["last"]) == (first + 11, seqs[10] - 1)
    assert seqs[10:] == list(range(lag["last"] + 1, lag["last"] + 101))
    poor.close()


def _catches_up(flooded: DaemonProcess, first: int) -> None:
    """Whoever says where it stopped gets every event once, in order, though they left memory long ago."""
    with flooded.client() as client:
        epoch = client.hello["epoch"]
        found = islice(client.events(["flood.*"], since=first, epoch=epoch), EVENTS)
        numbers = [(event["seq"], event["kind"]) for event in found]
    assert [seq for seq, kind in numbers if kind != "flood.drop"] == []
    assert [seq for seq, _ in numbers] == list(range(first + 1, first + EVENTS + 1))
