"""What is peculiar to the trio client: memory streams, virtual time, cancellation."""

import pytest
import trio
import trio.testing

from labd import errors
from labd.wire.messages import Notice, Reply, Request
from labd.wire.session import Session, encode
from labd.wire.streams import Client, over
from tests.wire.scripted import HELLO


class Peer:
    """The daemon's end of a memory stream."""

    def __init__(self, stream):
        self.stream = stream
        self._session = Session()
        self._messages = []

    async def receive(self):
        while not self._messages:
            data = await self.stream.receive_some(65536)
            assert data, "the client has closed"
            self._messages += self._session.feed(bytes(data))
        return self._messages.pop(0)

    async def send(self, *messages):
        await self.stream.send_all(b"".join(encode(message) for message in messages))

    async def greet(self):
        request = await self.receive()
        assert request.method == "hello"
        await self.send(Reply(request.id, None, HELLO))


@pytest.fixture
async def linked(nursery):
    """A client that has said hello, and its peer."""
    ours, theirs = trio.testing.memory_stream_pair()
    client, peer = Client(ours, where="memory"), Peer(theirs)
    nursery.start_soon(peer.greet)
    await nursery.start(client.run)
    return client, peer


async def test_it_is_ready_when_the_daemon_said_hello(linked):
    client, _ = linked
    assert client.hello == HELLO


async def test_calls_in_flight_find_their_own_answers_in_any_order(linked):
    client, peer = linked
    answers = {}

    async def ask(n):
        answers[n] = await client.call("echo", {"n": n})

    async with trio.open_nursery() as nursery:
        for n in range(20):
            nursery.start_soon(ask, n)
        asked = [await peer.receive() for _ in range(20)]
        await peer.send(*(Reply(request.id, None, request.params["n"]) for request in reversed(asked)))
    assert answers == {n: n for n in range(20)}


async def test_a_cancelled_call_tells_the_daemon(linked):
    client, peer = linked
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.call, "slow")
        request = await peer.receive()
        nursery.cancel_scope.cancel()
    assert await peer.receive() == Notice("cancel", {"id": request.id})
    await peer.send(Reply(request.id, None, "too late"))
    await trio.testing.wait_all_tasks_blocked()
    assert client.statistics() == (2, 0, 1, 0)


async def test_an_hour_without_an_answer_is_a_deadline(linked, autojump_clock):
    client, _ = linked
    begun = trio.current_time()
    with pytest.raises(errors.DeadlineExceeded, match="did not answer slow within 3600 s"):
        await client.call("slow", timeout=3600)
    assert trio.current_time() - begun == pytest.approx(3600)


async def test_a_call_cancelled_while_its_request_leaves_does_not_tear_the_message():
    ours, theirs = trio.testing.lockstep_stream_pair()
    peer = Peer(theirs)
    async with trio.open_nursery() as nursery:
        client = Client(ours)
        nursery.start_soon(peer.greet)
        await nursery.start(client.run)
        with trio.move_on_after(0.01):
            await client.call("first", {"data": b"x" * 100_000})
        nursery.start_soon(client.call, "second")
        assert [type(await peer.receive()) for _ in range(3)] == [Request, Notice, Request]
        nursery.cancel_scope.cancel()


async def test_what_the_block_raises_comes_out_as_it_is(nursery):
    ours, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(Peer(theirs).greet)
    with pytest.raises(KeyError):
        async with over(ours):
            raise KeyError


async def test_a_block_that_is_cancelled_ends(nursery):
    ours, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(Peer(theirs).greet)
    with trio.CancelScope() as scope:
        async with over(ours) as client:
            scope.cancel()
            await client.call("slow")
    assert scope.cancelled_caught


async def test_the_last_notice_leaves_before_the_client_does(nursery):
    ours, theirs = trio.testing.memory_stream_pair()
    peer = Peer(theirs)
    nursery.start_soon(peer.greet)
    async with over(ours) as client:
        client.notify("cancel", {"id": 3})
    assert await peer.receive() == Notice("cancel", {"id": 3})


async def test_a_peer_that_closes_before_hello_is_unreachable(nursery):
    ours, theirs = trio.testing.memory_stream_pair()
    await theirs.aclose()
    with pytest.raises(errors.Unreachable, match=r"closed the connection \(hello was not answered\)"):
        await nursery.start(Client(ours).run)


async def test_the_client_outlives_its_stream_and_says_why_it_is_gone(linked):
    client, peer = linked

    async def follow():
        with pytest.raises(errors.Unreachable):
            await client.events([])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow)
        await peer.receive()
        await peer.stream.aclose()
    with pytest.raises(errors.Unreachable, match="labd at memory closed the connection"):
        await client.call("ping")


async def test_a_closed_feed_ends_after_what_is_ready(linked, nursery):
    client, peer = linked

    async def daemon():
        request = await peer.receive()
        answer = {"subscription": 1, "epoch": "e1", "seq": 0, "oldest": 1}
        events = {"subscription": 1, "events": [{"seq": 1}, {"seq": 2}]}
        await peer.send(Reply(request.id, None, answer), Notice("event", events))

    nursery.start_soon(daemon)
    feed = await client.events([])
    assert (await anext(feed))["seq"] == 1
    await feed.aclose()
    assert [event["seq"] async for event in feed] == [2]
    assert (await peer.receive()).method == "unsubscribe"
