"""What is peculiar to the asyncio client: it stays while the daemon comes and goes."""

import asyncio
import threading

import pytest

from labd import errors
from labd.wire.aio import FIRST_PAUSE, LAST_PAUSE, Client
from labd.wire.aio_link import connect_unix
from labd.wire.messages import Notice
from tests.wire.scripted import Daemon

pytestmark = pytest.mark.real


def run(main):
    """Run *main* in a loop of its own: the suite's is trio's."""
    return asyncio.run(asyncio.wait_for(main(), 60))


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "labd.sock")


class Pauses:
    """Stands for asyncio.sleep: notes each pause, and lets *then* happen in the one of that number."""

    def __init__(self, at=0, then=None):
        self.asked, self._at, self._then = [], at, then

    async def __call__(self, seconds):
        self.asked.append(seconds)
        if len(self.asked) == self._at:
            self._then()
        await asyncio.sleep(0)


def test_without_a_daemon_it_is_down_and_says_why(path):
    async def main():
        async with Client(path) as client:
            assert client.state == "down"
            assert isinstance(client.error, errors.Unreachable)
            with pytest.raises(errors.Unreachable, match="no labd answers"):
                await client.call("ping")
            with pytest.raises(errors.Unreachable):
                client.notify("cancel")

    run(main)


def test_it_tries_again_after_pauses_that_double_up_to_five_seconds(path):
    async def main():
        enough = asyncio.Event()
        pauses = Pauses(12, enough.set)
        async with Client(path, sleep=pauses):
            await enough.wait()
        for number, pause in enumerate(pauses.asked[:12]):
            most = min(FIRST_PAUSE * 2**number, LAST_PAUSE)
            assert 0.8 * most <= pause <= most

    run(main)


def test_it_comes_up_when_the_daemon_does_and_tells(path):
    seen = []

    def daemon(peer):
        peer.greet()
        peer.reply(peer.expect("ping"), "pong")

    async def main():
        server = Daemon(path + "2", daemon)
        with server:
            async with Client(path, on_state=seen.append, connect=lambda _: connect()) as client:
                assert client.state == "down"
                await client.wait_state("up")
                assert await client.call("ping") == "pong"
                await client.wait_state("down")
                assert "closed the connection" in client.error.message
        assert seen == ["up", "down"]

    tries = []

    async def connect():
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionRefusedError
        return await connect_unix(path + "2")

    run(main)


def test_calls_in_flight_find_their_own_answers_in_any_order(path):
    def daemon(peer):
        peer.greet()
        asked = [peer.expect("echo") for _ in range(20)]
        for request in reversed(asked):
            peer.reply(request, request.params["n"])

    async def main():
        async with Client(path) as client:
            answers = await asyncio.gather(*(client.call("echo", {"n": n}) for n in range(20)))
            assert answers == list(range(20))

    with Daemon(path, daemon):
        run(main)


def test_a_cancelled_call_tells_the_daemon(path):
    def daemon(peer):
        peer.greet()
        request = peer.expect("slow")
        peer.reply(peer.expect("ping"), {})
        assert peer.receive() == Notice("cancel", {"id": request.id})

    async def main():
        async with Client(path) as client:
            slow = asyncio.create_task(client.call("slow"))
            await asyncio.sleep(0)
            await client.call("ping")
            slow.cancel()
            await asyncio.gather(slow, return_exceptions=True)
            await client.wait_state("down")

    with Daemon(path, daemon):
        run(main)


def test_every_call_in_flight_fails_when_the_daemon_goes(path):
    def daemon(peer):
        peer.greet()
        for _ in range(3):
            peer.expect("slow")

    async def main():
        async with Client(path) as client:
            outcomes = await asyncio.gather(*(client.call("slow") for _ in range(3)), return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [errors.Unreachable] * 3
            assert len({id(outcome) for outcome in outcomes}) == 3

    with Daemon(path, daemon):
        run(main)


def test_every_subscription_resumes_by_itself_over_many_connections(path):
    def life(number):
        def daemon(peer):
            peer.greet()
            for feed in (1, 2):
                request = peer.expect("subscribe")
                since = request.params["since"]
                assert since == (None if number == 0 else number * 10)
                peer.subscribed(request, seq=number * 10, number=feed)
            for feed in (1, 2):
                peer.events(*range(number * 10 + 1, number * 10 + 11), number=feed)

        return daemon

    async def main():
        async with Client(path) as client:
            feeds = [client.events(["job.*"]), client.events([])]
            for feed in feeds:
                assert [(await anext(feed))["seq"] for _ in range(50)] == list(range(1, 51))

    with Daemon(path, *(life(number) for number in range(5))):
        run(main)


def test_a_daemon_with_a_new_log_shows_as_a_gap(path):
    def before(peer):
        peer.greet()
        peer.subscribed(peer.expect("subscribe"), seq=500)
        peer.events(501)

    def after(peer):
        peer.greet()
        peer.subscribed(peer.expect("subscribe"), seq=2, epoch="e2")
        peer.lagged(0, 2)
        peer.events(3)
        peer.wait_closed()

    async def main():
        async with Client(path) as client:
            feed = client.events([])
            assert [(await anext(feed))["seq"] for _ in range(3)] == [501, 2, 3]
            assert feed.subscription.epoch == "e2"

    with Daemon(path, before, after):
        run(main)


def test_a_subscription_made_while_down_starts_when_up(path):
    def daemon(peer):
        peer.greet()
        peer.subscribed(peer.expect("subscribe"), seq=0)
        peer.events(1)
        peer.wait_closed()

    async def main():
        async with Client(path) as client:
            feed = client.events([])
            with Daemon(path, daemon):
                assert (await anext(feed))["seq"] == 1
                await client.aclose()

    run(main)


def test_a_closed_feed_ends_and_is_not_resumed(path):
    def first(peer):
        peer.greet()
        peer.subscribed(peer.expect("subscribe"), seq=0)
        peer.events(1)
        peer.expect("unsubscribe")

    def second(peer):
        peer.greet()
        assert peer.wait_closed() == []

    async def main():
        async with Client(path) as client:
            feed = client.events([])
            assert (await anext(feed))["seq"] == 1
            await feed.aclose()
            assert [event async for event in feed] == []
            while client.connections < 2:
                await client.wait_state("down" if client.state == "up" else "up")

    with Daemon(path, first, second):
        run(main)


def test_closing_the_client_ends_its_feeds(path):
    def daemon(peer):
        peer.greet()
        peer.subscribed(peer.expect("subscribe"), seq=0)
        peer.reply(peer.expect("ping"), {})
        peer.wait_closed()

    async def main():
        async with Client(path) as client:
            feed = client.events([])
            waiting = asyncio.create_task(anext(feed))
            await client.call("ping")
        with pytest.raises(errors.Unreachable, match="closed by its owner"):
            await waiting

    with Daemon(path, daemon):
        run(main)


def test_a_daemon_that_does_not_say_hello_is_left(path, monkeypatch):
    monkeypatch.setattr("labd.wire.aio.HELLO_TIMEOUT", 0.05)

    async def main():
        async with Client(path) as client:
            assert isinstance(client.error, errors.DeadlineExceeded)
            assert "did not answer hello" in client.error.message

    with Daemon(path, lambda peer: peer.wait_closed()):
        run(main)


def test_a_daemon_that_reads_late_still_gets_everything(path):
    got = []

    def daemon(peer):
        peer.greet()
        assert reading.wait(60)
        for _ in range(3):
            request = peer.receive()
            got.append(len(request.params["data"]))
            peer.reply(request, {})

    reading = threading.Event()

    async def main():
        async with Client(path) as client:
            calls = [asyncio.create_task(client.call("put", {"data": b"x" * size})) for size in SIZES]
            await asyncio.sleep(0)
            reading.set()
            await asyncio.gather(*calls)

    with Daemon(path, daemon):
        run(main)
    assert got == SIZES


SIZES = [1_000_000, 2_000_000, 3]
