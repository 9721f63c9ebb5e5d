"""The two ports: libzmq's sockets, and peers that are none."""

import contextlib
import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio
from labd_wkr import zmtp
from labd_wkr.board import Board
from labd_wkr.doors import Doors
from labd_wkr.front import Front
from labd_wkr.settings import Door

from labd.testing import FakeModels

zmq = pytest.importorskip("zmq", reason="pyzmq is not installed")
from old import OldClient  # noqa: E402 - it needs pyzmq

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]


class House:
    """A model behind two ports, in this process."""

    def __init__(self, **settings: Any) -> None:
        self.door = Door(*free_ports(), **settings)
        self.models, self.board, self.log = FakeModels("m"), Board(), logging.getLogger("wkr")
        self.front = Front("m", self.door, self.board, lambda: self.models, trio.current_time, self.log)
        self.stopped = trio.Event()
        self.doors = Doors(self.door, self.board, self.front, self.stopped.set, self.log)

    def old(self, **options: Any) -> OldClient:
        return OldClient(self.door.port, self.door.port_out, **options)

    async def until(self, true: Callable[[], Any]) -> None:
        with trio.fail_after(20):
            while not true():  # noqa: ASYNC110 - what it waits for has no event
                await trio.sleep(0.002)


@contextlib.asynccontextmanager
async def serving(**settings: Any):
    house = House(**settings)
    async with trio.open_nursery() as nursery:
        house.nursery = nursery
        await nursery.start(house.doors.run)
        yield house
        nursery.cancel_scope.cancel()


async def elsewhere(work: Callable[..., Any], *arguments: Any) -> Any:
    with trio.fail_after(30):
        return await trio.to_thread.run_sync(partial(work, *arguments), abandon_on_cancel=True)


def ask(house: House, values: list[Any]) -> list[Any]:
    with house.old() as client:
        return [client.encode(value) for value in values]


async def test_a_client_of_libzmq_is_answered():
    async with serving() as house:
        values = [1, {"a": [2]}, "x" * 100_000, b"y" * 3_000_000]
        assert await elsewhere(ask, house, values) == values
        await house.until(lambda: not house.board._prefixes)


async def test_no_new_client_loses_its_first_answer():
    async with serving() as house:
        assert await elsewhere(lambda: [ask(house, [n]) for n in range(40)]) == [[n] for n in range(40)]


async def test_thousands_that_nobody_reads_meanwhile_are_all_answered():
    def flood() -> int:
        with house.old() as client:
            client.receiver.setsockopt(zmq.RCVHWM, 0)
            for _ in range(5000):
                client.send(b"x" * 2000, {})
            return len({client.receive()[1] for _ in range(5000)})

    async with serving() as house:
        assert await elsewhere(flood) == 5000


async def test_a_status_is_answered_at_once_whatever_waits():
    async with serving() as house:
        house.models.hold = True
        with house.old() as busy:
            busy.send(b"x", {})
            await house.until(lambda: house.models.held)
            with house.old() as other:
                assert (await elsewhere(other.status))["server_version"] == "1.0.0-b"
            house.models.held[0].finish()
            assert (await elsewhere(busy.receive))[1] == b"1"


async def test_what_waits_for_a_client_that_left_is_not_worked_on():
    async with serving() as house:
        house.models.hold = True
        client = house.old(identity=b"leaves")
        client.send(b"x", {})
        await house.until(lambda: house.models.held and b"leaves" in house.board._listeners)
        client.close()
        await house.until(lambda: house.models.held[0].cancelled)
        assert house.front.waiting == 0


def connect(port: int, said: bytes) -> bytes:
    """What the port answers to *said*, up to its end."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(said)
        heard = b""
        with contextlib.suppress(ConnectionResetError):
            while data := sock.recv(4096):
                heard += data
        return heard


MEET = zmtp.GREETING + bytes(zmtp.Session(b"PUSH").outgoing[64:])


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "no ZMTP"),
        (b"\x16\x03\x01" + bytes(60), "no ZMTP"),
        (MEET + b"\x02" + b"\xff" * 8, "over the limit"),
        (MEET + b"\x03\x00\x00\x00\x01\x00\x00\x00\x00", "4294967296 bytes"),
        (MEET + zmtp.message([b"a"] * 200), "more than 16 frames"),
        (zmtp.GREETING + bytes(zmtp.Session(b"SUB").outgoing[64:]), "is it the port"),
    ],
)
async def test_a_peer_that_lies_is_shown_the_door_and_nobody_else(said, words, caplog):
    async with serving() as house:
        await elsewhere(connect, house.door.port, said)
        assert words in caplog.text
        assert await elsewhere(ask, house, [1]) == [1]


async def test_messages_that_are_no_requests_disturb_nobody():
    async with serving() as house:
        with house.old() as client:
            for parts in ([b""], [b"a"] * 3, [b"a", b"", b"REGISTER", b""], [b"", b"", b"TERMINATION", b""]):
                client.sender.send_multipart(parts)
            assert await elsewhere(client.encode, 5) == 5


async def test_who_does_not_say_who_it_is_is_shown_the_door(monkeypatch, caplog):
    monkeypatch.setattr("labd_wkr.doors.GREETING_TIME", 0.05)
    async with serving() as house:
        assert (await elsewhere(connect, house.door.port, b"\xff")).startswith(zmtp.GREETING)
        assert "within 0.05 s" in caplog.text


async def test_other_hosts_need_trust(caplog):
    async with serving() as house:
        with pytest.raises(OSError):
            await elsewhere(socket.create_connection, ("127.0.0.2", house.door.port))
    async with serving(trust=("203.0.113.0/24",)) as house:
        house.doors._trusted = house.doors._trusted[:1]
        assert await elsewhere(connect, house.door.port, b"") == b""
        assert "no host that is trusted" in caplog.text


async def test_the_number_of_connections_has_a_limit(caplog):
    async with serving(connections=1) as house:
        with socket.create_connection(("127.0.0.1", house.door.port)) as first:
            await elsewhere(first.recv, 64)
            assert await elsewhere(connect, house.door.port, b"") == b""
    assert "which is the limit" in caplog.text


async def test_what_is_in_work_is_answered_when_labd_stops():
    house = House()
    house.models.hold = True
    async with trio.open_nursery() as nursery:
        await nursery.start(house.doors.run)
        with house.old() as client:
            client.send(b"x", {})
            await house.until(lambda: house.models.held)
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await trio.sleep(0.02)
                house.models.held[0].finish()
                assert (await elsewhere(client.receive))[1] == b"1"


def test_settings_say_what_is_wrong():
    with pytest.raises(ValueError, match="both 5"):
        Door(5, 5)
    with pytest.raises(ValueError, match="everybody"):
        Door(5, 6, trust=("everybody",))


async def test_a_client_that_asks_for_the_end_lets_others_have_their_answers():
    async with serving(terminate=True) as house:
        house.models.hold = True
        with house.old() as client:
            client.send(b"x", {})
            await house.until(lambda: house.models.held)
            client.sender.send_multipart([b"", b"", b"TERMINATION", b""])
            await house.until(house.front.leaving.is_set)
            assert not house.stopped.is_set()
            house.models.held[0].finish()
            await house.until(house.stopped.is_set)
            assert (await elsewhere(client.receive))[1] == b"1"
