"""The same scenarios over every client: what holds for one of them holds for all."""

import socket

import pytest

from labd import errors
from labd.wire.messages import Notice, Reply
from labd.wire.session import encode
from tests.wire.drivers import DRIVERS
from tests.wire.scripted import HELLO, Daemon

pytestmark = pytest.mark.real


@pytest.fixture(params=sorted(DRIVERS))
def drive(request, tmp_path):
    """``drive(scenario, script, ...)``: the scenario's client against a daemon that follows the scripts."""
    path = str(tmp_path / "labd.sock")

    def drive(scenario, *scripts):
        with Daemon(path, *scripts):
            DRIVERS[request.param](path, scenario)

    return drive


def greeted(script):
    def whole(peer):
        peer.greet()
        script(peer)

    return whole


async def first_event(client):
    await client.events([])
    return await client.next()


async def subscribe_and_ping(client):
    await client.events([])
    await client.call("ping")


def test_hello_comes_first_and_says_who_calls(drive):
    said = []

    def daemon(peer):
        said.append(peer.greet())
        peer.wait_closed()

    async def scenario(client):
        assert client.inner.hello == HELLO

    drive(scenario, daemon)
    assert said == [{"client": "face", "version": "", "protocol": 1}]


def test_a_call_brings_its_params_there_and_its_result_back(drive):
    @greeted
    def daemon(peer):
        for _ in range(2):
            request = peer.receive()
            peer.reply(request, [request.method, request.params])

    async def scenario(client):
        assert await client.call("job.show", {"job": "läst"}) == ["job.show", {"job": "läst"}]
        assert await client.call("ping") == ["ping", {}]

    drive(scenario, daemon)


def test_a_large_result_arrives(drive):
    @greeted
    def daemon(peer):
        peer.reply(peer.expect("job.log"), {"data": b"x" * 300_000})

    async def scenario(client):
        assert len((await client.call("job.log"))["data"]) == 300_000

    drive(scenario, daemon)


def test_an_error_becomes_the_class_of_its_code(drive):
    @greeted
    def daemon(peer):
        fault = errors.Overloaded("the queue is full", hint="wait", data={"queued": 9}).as_wire()
        peer.refuse(peer.receive(), fault)
        peer.refuse(peer.receive(), {"code": "from the future", "message": "who knows"})
        peer.reply(peer.expect("ping"), {})

    async def scenario(client):
        with pytest.raises(errors.Overloaded, match="the queue is full") as caught:
            await client.call("job.submit")
        assert (caught.value.hint, caught.value.data) == ("wait", {"queued": 9})
        with pytest.raises(errors.LabdError, match="who knows"):
            await client.call("job.submit")
        assert await client.call("ping") == {}

    drive(scenario, daemon)


def test_what_cannot_travel_is_a_usage_error_and_harms_nothing(drive):
    @greeted
    def daemon(peer):
        peer.reply(peer.expect("ping"), {})

    async def scenario(client):
        for value in ({1, 2}, 2**70, "\udcff"):
            with pytest.raises(errors.UsageError, match=r"parameters of job\.show cannot be sent"):
                await client.call("job.show", {"job": value})
        assert await client.call("ping") == {}

    drive(scenario, daemon)


def test_a_call_that_takes_too_long_ends_and_tells_the_daemon(drive):
    @greeted
    def daemon(peer):
        slow = peer.expect("slow")
        assert peer.receive() == Notice("cancel", {"id": slow.id})
        quick = peer.expect("quick")
        peer.reply(slow, "too late")
        peer.reply(quick, "in time")

    async def scenario(client):
        with pytest.raises(errors.DeadlineExceeded, match=r"did not answer slow within 0\.05 s"):
            await client.call("slow", timeout=0.05)
        assert await client.call("quick") == "in time"
        assert client.inner.statistics().late_replies == 1

    drive(scenario, daemon)


@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_connection_closed_in_the_middle_is_unreachable_and_names_the_call(drive, end):
    @greeted
    def daemon(peer):
        request = peer.expect("job.list")
        peer.send(encode(Reply(request.id, None, ["half", "of", "this"]))[:-4])
        getattr(peer, end)()

    async def scenario(client):
        with pytest.raises(errors.Unreachable, match=r"labd\.sock closed the connection \(job\.list was not"):
            await client.call("job.list")
        with pytest.raises(errors.Unreachable):
            await client.call("ping")

    drive(scenario, daemon)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\xc1",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xdd\xff\xff\xff\xff",
        encode(Reply(999, None, "never asked")),
        encode(Reply(0, None, "never asked")),
        b"\x94\x00\x01\xa4ping\x90",  # a request, which only clients make
    ],
    ids=["noise", "http", "claim", "unasked", "zero", "request"],
)
def test_garbage_from_the_daemon_is_a_protocol_error(drive, garbage):
    @greeted
    def daemon(peer):
        peer.expect("ping")
        peer.send(garbage)
        peer.wait_closed()

    async def scenario(client):
        with pytest.raises(errors.ProtocolError, match=r"\(ping was not answered\)") as caught:
            await client.call("ping")
        assert "labd.sock" in caught.value.hint

    drive(scenario, daemon)


def test_a_daemon_that_hangs_up_may_say_why(drive):
    @greeted
    def daemon(peer):
        peer.expect("job.submit")
        fault = errors.ProtocolError("the peer sent a message of 5000000 bytes").as_wire()
        peer.send(encode(Reply(0, fault, None)))

    async def scenario(client):
        with pytest.raises(errors.ProtocolError, match="message of 5000000 bytes"):
            await client.call("job.submit")

    drive(scenario, daemon)


@pytest.mark.parametrize("hello", [{"protocol": 2}, {}, None, "hi"])
def test_a_daemon_of_another_protocol_is_refused(drive, hello):
    def daemon(peer):
        peer.greet(hello)
        peer.wait_closed()

    async def scenario(client):
        raise AssertionError

    with pytest.raises(errors.ProtocolError, match=r"labd speaks protocol (2|None), this client protocol 1"):
        drive(scenario, daemon)


def test_a_daemon_that_refuses_hello_says_why(drive):
    def daemon(peer):
        peer.send(encode(Reply(1, errors.Overloaded("512 clients are connected").as_wire(), None)))

    async def scenario(client):
        raise AssertionError

    with pytest.raises(errors.Overloaded, match="512 clients"):
        drive(scenario, daemon)


def test_other_notices_are_kept(drive):
    @greeted
    def daemon(peer):
        request = peer.expect("ping")
        peer.send(encode(Notice("stopping", {"in": 5})) + encode(Reply(request.id, None, {})))

    async def scenario(client):
        await client.call("ping")
        assert list(client.inner.notices) == [Notice("stopping", {"in": 5})]

    drive(scenario, daemon)


def test_events_come_as_far_as_there_is_credit_which_is_given_back(drive):
    @greeted
    def daemon(peer):
        request = peer.expect("subscribe")
        assert request.params == {"topics": ["job.*"], "since": None, "epoch": None, "credit": 4}
        peer.subscribed(request, seq=10)
        peer.events(11, 12, 13, 14)
        assert peer.receive() == Notice("credit", {"subscription": 5, "events": 2})
        assert peer.receive() == Notice("credit", {"subscription": 5, "events": 2})
        peer.events(15)
        assert peer.expect("unsubscribe").params == {"subscription": 5}

    async def scenario(client):
        await client.events(["job.*"], window=4)
        assert [(await client.next())["seq"] for _ in range(5)] == [11, 12, 13, 14, 15]
        await client.end()

    drive(scenario, daemon)


def test_events_that_follow_the_answer_in_one_read_are_not_lost(drive):
    @greeted
    def daemon(peer):
        request = peer.expect("subscribe")
        answer = {"subscription": 5, "epoch": "e1", "seq": 0, "oldest": 1}
        event = Notice("event", {"subscription": 5, "events": [{"seq": 1}]})
        peer.send(encode(Reply(request.id, None, answer)) + encode(event))
        peer.wait_closed()

    async def scenario(client):
        await client.events([])
        assert await client.next() == {"seq": 1}

    drive(scenario, daemon)


def test_events_and_replies_share_the_connection(drive):
    @greeted
    def daemon(peer):
        peer.subscribed(peer.expect("subscribe"), seq=0)
        request = peer.expect("ping")
        peer.events(1, 2)
        peer.events(1, number=77)  # of a subscription that is long gone
        peer.reply(request, "pong")
        peer.events(3)
        peer.wait_closed()

    async def scenario(client):
        await client.events([])
        assert await client.call("ping") == "pong"
        assert [(await client.next())["seq"] for _ in range(3)] == [1, 2, 3]

    drive(scenario, daemon)


def test_what_was_skipped_is_said_in_its_place(drive):
    @greeted
    def daemon(peer):
        peer.subscribed(peer.expect("subscribe"), seq=0)
        peer.events(1)
        peer.lagged(2, 90)
        peer.events(91)
        peer.wait_closed()

    async def scenario(client):
        await client.events([])
        assert [(e["seq"], e["kind"]) for e in [await client.next() for _ in range(3)]] == [
            (1, "job.started"),
            (90, "lagged"),
            (91, "job.started"),
        ]

    drive(scenario, daemon)


def test_events_go_on_after_the_last_one_when_the_daemon_came_back(drive):
    @greeted
    def first(peer):
        peer.subscribed(peer.expect("subscribe"), seq=0)
        peer.events(1, 2)

    @greeted
    def second(peer):
        request = peer.expect("subscribe")
        assert (request.params["since"], request.params["epoch"]) == (2, "e1")
        peer.subscribed(request, seq=2)
        peer.events(2, 3)
        peer.wait_closed()

    async def scenario(client):
        await client.events([])
        assert [(await client.next())["seq"] for _ in range(3)] == [1, 2, 3]

    drive(scenario, first, second)


def test_a_refused_subscription_raises(drive):
    @greeted
    def daemon(peer):
        peer.refuse(peer.expect("subscribe"), errors.NotPermitted("subscribe needs the role view").as_wire())
        peer.wait_closed()

    async def scenario(client):
        with pytest.raises(errors.NotPermitted):
            await first_event(client)

    drive(scenario, daemon)


def test_a_daemon_that_sends_more_than_it_may_is_left(drive):
    @greeted
    def daemon(peer):
        peer.subscribed(peer.expect("subscribe"), seq=0)
        peer.expect("ping")
        peer.events(*range(1, 10))
        peer.wait_closed()

    async def scenario(client):
        await client.events([], window=4)
        with pytest.raises(errors.ProtocolError, match="5 events more"):
            await client.call("ping")

    drive(scenario, daemon)


def test_an_answer_to_subscribe_that_is_none_is_a_protocol_error(drive):
    @greeted
    def daemon(peer):
        peer.reply(peer.expect("subscribe"), {"subscription": "five"})
        peer.wait_closed()

    async def scenario(client):
        with pytest.raises(errors.ProtocolError, match="answered subscribe"):
            await subscribe_and_ping(client)

    drive(scenario, daemon)


@pytest.mark.parametrize("driver", ["aio", "blocking", "trio"])
@pytest.mark.parametrize("left_over", [False, True])
def test_without_a_daemon_the_error_names_the_socket_and_how_to_start_one(driver, left_over, tmp_path):
    path = str(tmp_path / "labd.sock")
    if left_over:
        with socket.socket(socket.AF_UNIX) as killed:
            killed.bind(path)

    async def scenario(client):
        raise AssertionError

    with pytest.raises(errors.Unreachable, match=r"no labd answers at .*labd\.sock") as caught:
        DRIVERS[driver](path, scenario)
    assert ("nothing listens there" if left_over else "no such socket") in caught.value.message
    assert "systemctl start labd" in caught.value.hint
