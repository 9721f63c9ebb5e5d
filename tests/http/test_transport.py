"""A socket that asks the kernel first, and keeps nobody waiting for it."""

import socket
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from labd.http.transport import SocketTransport


@pytest.fixture
def pair() -> Iterator[tuple[SocketTransport, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    yield SocketTransport(ours), theirs
    ours.close()
    theirs.close()


async def test_who_always_has_more_to_say_lets_others_have_a_turn(pair, nursery):
    """A client whose next request is there already must not be served sixteen times before anybody else."""
    transport, client = pair
    client.sendall(b"x" * 50)
    order: list[str] = []

    async def other() -> None:
        for _ in range(5):
            order.append("other")
            await trio.lowlevel.checkpoint()

    nursery.start_soon(other)
    for _ in range(50):
        assert await transport.receive_some(1) == b"x"
        order.append("ours")
    assert order.index("other") <= 1
    assert order[:12].count("other") == 5


async def test_the_end_and_a_loss_are_told_apart(pair):
    transport, client = pair
    client.close()
    assert await transport.receive_some() == b""
    with pytest.raises(trio.BrokenResourceError):
        await transport.send_all(b"x")
    await transport.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await transport.receive_some()


async def test_a_client_that_reads_slowly_gets_all(pair, nursery):
    transport, client = pair
    data = bytes(range(256)) * 10_000
    nursery.start_soon(transport.send_all, data)
    await trio.testing.wait_all_tasks_blocked()
    client.setblocking(False)
    got = b""
    while len(got) < len(data):
        await trio.lowlevel.checkpoint()
        try:
            got += client.recv(65_536)
        except BlockingIOError:
            continue
    assert got == data
