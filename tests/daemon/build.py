"""A connection over a memory stream, with a client at the other end."""

from typing import Any

import trio
import trio.testing

from labd.api.methods import Call, Method, Peer, Role
from labd.api.node import Event
from labd.daemon.connection import Connection
from labd.daemon.dispatch import Dispatcher
from labd.daemon.events import Bus
from labd.wire.messages import Notice, Reply
from labd.wire.session import Session, encode

ALICE = Peer(pid=1, uid=1000, gid=1000, name="alice", role=Role.SUBMIT)
IDENTITY = {"labd": "0", "epoch": "e1", "pid": 1}


async def no_older(seq: int, limit: int) -> list[Event]:
    return []


def event(seq: int, kind: str = "job.started", **data: Any) -> Event:
    return Event(seq, float(seq), kind, "test", "", data)


def method(name: str, handler: Any, **more: Any) -> Method:
    return Method(name, handler, **more)


async def echo(call: Call, params: Any) -> dict[str, Any]:
    return {"peer": call.peer.name}


class Talk:
    """The client's end: sends requests and notices, and waits for what comes back."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.session = Session()
        self.inbox: list[Any] = []

    async def call(self, method: str, **params: Any) -> Reply:
        number, data = self.session.request(method, params)
        await self.stream.send_all(data)
        return await self.next(lambda m: isinstance(m, Reply) and m.id == number)

    async def tell(self, method: str, **params: Any) -> None:
        await self.stream.send_all(encode(Notice(method, params)))

    async def notice(self, method: str) -> dict[str, Any]:
        return (await self.next(lambda m: isinstance(m, Notice) and m.method == method)).params

    async def next(self, wanted: Any) -> Any:
        while not (found := [m for m in self.inbox if wanted(m)]):
            data = await self.stream.receive_some(65536)
            assert data, "the daemon hung up"
            self.inbox.extend(self.session.feed(bytes(data)))
        self.inbox.remove(found[0])
        return found[0]


def talk_to(
    nursery: trio.Nursery, *methods: Method, bus: Bus | None = None, peer: Peer = ALICE, **limits: Any
) -> Talk:
    """A client of a fresh connection that offers *methods*."""
    ours, theirs = trio.testing.memory_stream_pair()
    dispatcher = Dispatcher()
    for each in (*methods, Method("echo", echo)):
        dispatcher.add(each)
    served = Connection(theirs, peer, dispatcher, bus or Bus(0, no_older), dict(IDENTITY), **limits)
    nursery.start_soon(served.run)
    return Talk(ours)
