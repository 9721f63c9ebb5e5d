"""One client: answers, errors, cancelling, limits; and nothing that it does raises."""

import msgspec
import pytest
import trio
import trio.testing

from labd.api.methods import Method, Peer, Role
from labd.daemon.connection import Connection
from labd.daemon.dispatch import Dispatcher
from labd.daemon.events import Bus
from labd.errors import NotFound
from tests.daemon.build import ALICE, IDENTITY, Talk, method, no_older, talk_to


class Params(msgspec.Struct, forbid_unknown_fields=True):
    count: int = 1


async def test_hello_says_who_is_who(nursery):
    hello = (await talk_to(nursery).call("hello", client="test")).result
    assert hello["user"] == {"uid": 1000, "name": "alice"}
    assert (hello["protocol"], hello["role"], hello["epoch"]) == (1, "submit", "e1")


async def test_hello_with_another_protocol_is_refused_with_a_way_out(nursery):
    error = (await talk_to(nursery).call("hello", protocol=99)).error
    assert error["code"] == "usage"
    assert "99" in error["message"]


async def test_a_method_is_called_with_checked_parameters(nursery):
    async def double(call, params):
        return params.count * 2

    talk = talk_to(nursery, method("double", double, params=Params))
    assert (await talk.call("double", count=4)).result == 8
    wrong = (await talk.call("double", count="4")).error
    assert wrong["code"] == "usage"
    assert "count = '4'" in wrong["message"]
    near = (await talk.call("double", cuont=4)).error
    assert near["hint"] == "did you mean count?"


async def test_an_unknown_method_names_the_nearest(nursery):
    error = (await talk_to(nursery).call("ecoh")).error
    assert (error["code"], error["hint"]) == ("not_found", "did you mean echo?")


async def test_a_role_is_needed(nursery):
    async def stop(call, params):
        return {}

    error = (await talk_to(nursery, method("stop", stop, role=Role.ADMIN)).call("stop")).error
    assert error["code"] == "not_permitted"
    assert error["message"] == "stop needs the role admin, alice has submit"


async def test_errors_keep_their_class_and_surprises_become_internal_ones(nursery, caplog):
    async def missing(call, params):
        raise NotFound("there is no such thing", hint="look elsewhere")

    async def broken(call, params):
        return 1 / 0

    talk = talk_to(nursery, method("missing", missing), method("broken", broken))
    assert (await talk.call("missing")).error["hint"] == "look elsewhere"
    error = (await talk.call("broken")).error
    assert (error["code"], error["message"]) == (
        "internal",
        "broken failed: ZeroDivisionError: division by zero",
    )
    assert "Traceback" in caplog.text


async def test_an_answer_that_cannot_be_sent_is_said_so(nursery):
    async def odd(call, params):
        return {"x": object()}

    assert "cannot be sent" in (await talk_to(nursery, method("odd", odd)).call("odd")).error["message"]


async def test_answers_may_come_out_of_order(nursery):
    gate = trio.Event()

    async def slow(call, params):
        await gate.wait()
        return "slow"

    async def quick(call, params):
        gate.set()
        return "quick"

    talk = talk_to(nursery, method("slow", slow), method("quick", quick))
    async with trio.open_nursery() as both:
        both.start_soon(talk.call, "slow")
        await trio.testing.wait_all_tasks_blocked()
        await talk.stream.send_all(talk.session.request("quick", {})[1])


async def test_a_request_can_be_cancelled(nursery):
    ended = trio.Event()

    async def forever(call, params):
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    talk = talk_to(nursery, method("forever", forever))
    number, data = talk.session.request("forever", {})
    await talk.stream.send_all(data)
    await trio.testing.wait_all_tasks_blocked()
    await talk.tell("cancel", id=number)
    reply = await talk.next(lambda m: m.id == number)
    assert reply.error["code"] == "conflict"
    assert ended.is_set()


async def test_a_client_that_leaves_takes_its_requests_along(nursery):
    ended = trio.Event()

    async def forever(call, params):
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    talk = talk_to(nursery, method("forever", forever))
    await talk.stream.send_all(talk.session.request("forever", {})[1])
    await trio.testing.wait_all_tasks_blocked()
    await talk.stream.aclose()
    await ended.wait()


async def test_no_more_is_read_than_may_be_in_work(nursery):
    running = []

    async def forever(call, params):
        running.append(1)
        await trio.sleep_forever()

    talk = talk_to(nursery, method("forever", forever), max_requests=3)
    for _ in range(10):
        await talk.stream.send_all(talk.session.request("forever", {})[1])
    await trio.testing.wait_all_tasks_blocked()
    assert len(running) == 3


class Slow:
    """Two methods that wait: one that lasts, and one that does not."""

    def __init__(self):
        self.go, self.cancelled = trio.Event(), 0

    async def wait(self, call, params):
        try:
            await self.go.wait()
        except trio.Cancelled:
            self.cancelled += 1
            raise
        return {"well": True}

    def both(self):
        return Method("slow", self.wait, lasts=True), Method("other", self.wait)


async def stopping(nursery, slow, drain):
    """A connection with a call of each, which is told to end; the stream of its client, and the number."""
    ours, theirs = trio.testing.memory_stream_pair()
    dispatcher = Dispatcher()
    for each in slow.both():
        dispatcher.add(each)
    connection = Connection(theirs, ALICE, dispatcher, Bus(0, no_older), dict(IDENTITY), drain=drain)
    talk = Talk(ours)
    scope = await nursery.start(_cancellable, connection)
    number, data = talk.session.request("slow", {})
    await ours.send_all(data + talk.session.request("other", {})[1])
    await trio.testing.wait_all_tasks_blocked()
    return talk, number, scope


async def _cancellable(connection, *, task_status):
    with trio.CancelScope() as scope:
        task_status.started(scope)
        await connection.run()


async def test_a_call_that_lasts_is_answered_when_labd_stops_and_others_are_not(nursery, autojump_clock):
    slow = Slow()
    talk, number, scope = await stopping(nursery, slow, drain=5.0)
    scope.cancel()
    await trio.testing.wait_all_tasks_blocked()
    assert slow.cancelled == 1
    slow.go.set()
    reply = await talk.next(lambda message: message.id == number)
    assert (reply.error, reply.result) == (None, {"well": True})
    assert await talk.stream.receive_some(10) == b""


async def test_a_call_that_lasts_too_long_is_cut_off_when_labd_stops(nursery, autojump_clock):
    slow = Slow()
    talk, _, scope = await stopping(nursery, slow, drain=5.0)
    began = trio.current_time()
    scope.cancel()
    assert await talk.stream.receive_some(10) == b""
    assert trio.current_time() - began == 5.0
    await trio.testing.wait_all_tasks_blocked()
    assert slow.cancelled == 2


async def test_a_call_that_lasts_ends_with_its_client(nursery):
    slow = Slow()
    talk, _, _ = await stopping(nursery, slow, drain=5.0)
    await talk.stream.aclose()
    await trio.testing.wait_all_tasks_blocked()
    assert slow.cancelled == 2


async def _serve(stream):
    await Connection(stream, ALICE, Dispatcher(), Bus(0, no_older), dict(IDENTITY)).run()


@pytest.mark.parametrize(
    "garbage", [b"\xc1", b"GET / HTTP/1.1\r\n\r\n", b"\x93\x00\x01\xa3abc", b"\xdd\xff\xff\xff\xff"]
)
async def test_r14_garbage_ends_the_connection_and_nothing_else(garbage):
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_serve, theirs)
        await ours.send_all(garbage)
        [farewell] = Talk(ours).session.feed(bytes(await ours.receive_some(65536)))
        assert (farewell.id, farewell.error["code"]) == (0, "protocol")
        assert await ours.receive_some(10) == b""


async def test_r14_a_reset_in_the_middle_of_an_answer_is_no_error():
    ours, theirs = trio.testing.memory_stream_pair()

    async def reset():
        raise trio.BrokenResourceError("reset")

    theirs.send_stream.send_all_hook = reset
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_serve, theirs)
        await ours.send_all(Talk(ours).session.request("ping", {})[1])


async def test_r14_a_client_that_never_reads_is_dropped(autojump_clock):
    ours, theirs = trio.testing.lockstep_stream_pair()
    connection = Connection(theirs, ALICE, Dispatcher(), Bus(0, no_older), dict(IDENTITY), send_timeout=30)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run)
        began = trio.current_time()
        await ours.send_all(Talk(ours).session.request("ping", {})[1])
    assert trio.current_time() - began == 30


async def test_whoever_has_no_role_cannot_subscribe(nursery):
    nobody = Peer(pid=1, uid=9, gid=9, name="eve", role=Role.NONE)
    assert (await talk_to(nursery, peer=nobody).call("subscribe")).error["code"] == "not_permitted"
