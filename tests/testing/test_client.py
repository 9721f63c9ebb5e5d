"""Methods of a plugin, called as from outside; and what becomes of them when the way there is bad."""

from functools import partial

import msgspec
import pytest
import trio
import trio.testing

from labd.api import Method, NotPermitted, Role, UsageError, hookimpl
from labd.errors import LabdError, ProtocolError, Unreachable
from labd.testing import Node, client, cut, garbage, slow


class Roll(msgspec.Struct, forbid_unknown_fields=True):
    times: int = 1


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    sides: int = 6


class Dice:
    @hookimpl
    def labd_settings(self):
        return Settings

    @hookimpl
    def labd_methods(self, node):
        async def roll(call, params):
            await node.events.publish("dice.rolled", {"by": call.peer.name})
            return {"rolled": [node.config.sides] * params.times}

        return Method("dice.roll", roll, Roll, Role.SUBMIT, "Roll dice.")


async def roll(call, params):
    return {"who": call.peer.name, "times": params.times}


ROLL = Method("dice.roll", roll, Roll)


async def test_a_plugin_is_called_through_the_wire():
    node = Node.of(Dice(), "dice", settings={"sides": 2})
    async with client(Dice(), node=node, user="ada") as asked:
        assert await asked.call("dice.roll", {"times": 3}) == {"rolled": [2, 2, 2]}
        with pytest.raises(UsageError, match=r"dice.roll: times = 'x': expected `int`"):
            await asked.call("dice.roll", {"times": "x"})
    assert node.events.published == (("dice.rolled", {"by": "ada"}),)


async def test_a_role_is_needed():
    async with client(Dice(), node=Node("dice", Settings()), role=Role.VIEW) as asked:
        assert asked.hello["role"] == "view"
        with pytest.raises(NotPermitted, match=r"dice.roll needs the role submit, tester has view"):
            await asked.call("dice.roll")


async def test_events_of_the_node_are_heard():
    node = Node.of(Dice(), "dice")
    async with client(Dice(), node=node) as asked:
        feed = await asked.events(["dice.*"])
        await asked.call("dice.roll")
        assert (await anext(feed))["kind"] == "dice.rolled"


@pytest.mark.parametrize("given", [ROLL, [ROLL], (ROLL,)])
async def test_methods_alone_will_do(given):
    async with client(given) as asked:
        assert await asked.call("dice.roll") == {"who": "tester", "times": 1}


async def test_what_the_block_raises_comes_out_as_it_is():
    with pytest.raises(KeyError, match="mine"):
        async with client(ROLL):
            raise KeyError("mine")


async def test_a_plugin_that_is_wrong_is_not_called():
    with pytest.raises(AssertionError, match="labctl plugins would call Bad failed"):
        async with client(Dice(), node=Node("Bad")):
            pass


# -- bad streams ---------------------------------------------------------------------------------


async def sizes():
    """Bytes of a hello and a call that a client sends, and of what it receives."""
    counted = {"sent": 0, "received": 0}

    class Count(trio.abc.Stream):
        def __init__(self, stream):
            self.stream = stream

        async def send_all(self, data):
            counted["sent"] += len(data)
            await self.stream.send_all(data)

        async def receive_some(self, max_bytes=None):
            data = await self.stream.receive_some(max_bytes)
            counted["received"] += len(data)
            return data

        async def wait_send_all_might_not_block(self):
            pass

        async def aclose(self):
            await self.stream.aclose()

    async with client(ROLL, wrap=Count) as asked:
        await asked.call("dice.roll")
    return counted


async def test_a_stream_that_is_cut_anywhere_is_told_as_such(autojump_clock):
    whole = await sizes()
    for way in ("sent", "received"):
        for count in range(whole[way]):
            with pytest.raises(LabdError):
                async with client(ROLL, wrap=partial(cut, **{way: count}), timeout=60) as asked:
                    await asked.call("dice.roll")
        async with client(ROLL, wrap=partial(cut, **{way: whole[way]}), timeout=60) as asked:
            await asked.call("dice.roll")


async def test_the_handler_is_cancelled_when_the_client_is_cut_off(nursery):
    begun, ended = trio.Event(), trio.Event()

    async def forever(call, params):
        begun.set()
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    ends = []

    def keep(stream):
        ends.append(stream)
        return stream

    async def cut_off():
        await begun.wait()
        await trio.aclose_forcefully(ends[0])

    async with client(Method("dice.wait", forever), wrap=keep) as asked:
        nursery.start_soon(cut_off)
        with pytest.raises(Unreachable):
            await asked.call("dice.wait")
        await ended.wait()


async def test_a_slow_stream_takes_virtual_time(autojump_clock):
    whole = await sizes()
    async with client(ROLL, wrap=partial(slow, seconds=1.0)) as asked:
        await asked.call("dice.roll")
    assert trio.current_time() == pytest.approx(whole["sent"] + whole["received"], rel=0.5)


async def test_garbage_is_a_broken_protocol():
    with pytest.raises(ProtocolError):
        async with client(ROLL, wrap=garbage):
            pass


async def test_each_fault_alone(autojump_clock):
    ours, theirs = trio.testing.memory_stream_pair()
    await theirs.send_all(b"abcdef")
    spoilt = garbage(ours, b"xy", received=3)
    assert [await spoilt.receive_some(9) for _ in range(3)] == [b"abc", b"xy", b"def"]
    await theirs.send_all(b"abcdef")
    ends = cut(ours, received=2)
    assert [await ends.receive_some(9), await ends.receive_some(9)] == [b"ab", b""]
    with pytest.raises(trio.ClosedResourceError):
        await ours.receive_some(1)
    ours, theirs = trio.testing.memory_stream_pair()
    with pytest.raises(trio.BrokenResourceError, match="the stream was cut"):
        await cut(ours, sent=2).send_all(b"abc")
    assert await theirs.receive_some() == b"ab"
    ours, theirs = trio.testing.memory_stream_pair()
    crawls = slow(ours, 2.0, size=3)
    await crawls.send_all(b"abcdef")
    assert (await theirs.receive_some(), trio.current_time()) == (b"abcdef", 4.0)
    await theirs.send_all(b"abcdef")
    assert (await crawls.receive_some(), trio.current_time()) == (b"abc", 6.0)
