"""A worker's parts without a process: a memory stream instead of a socket, a keeper that is played."""

import logging
import math
from typing import Any

import trio
import trio.testing

from labd.wire.messages import Message, Reply, Request
from labd.wire.session import Session, encode
from labd.workers import shared
from labd.workers.launch import Start
from tests.workers.house import foreign


class MemoryTransport:
    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.ended = False

    def send_nowait(self, data: bytes) -> int:
        return 0

    async def send_all(self, data: bytes) -> None:
        await self._stream.send_all(data)

    async def receive(self, size: int) -> bytes:
        return bytes(await self._stream.receive_some(size))

    def end(self) -> None:
        self.ended = True

    def close(self) -> None:
        pass


class PlayedControl:
    """Ends as a keeper would when it is told to, or when the test says so."""

    pid = 7

    def __init__(self) -> None:
        self.send, self._receive = trio.open_memory_channel[dict[str, Any]](math.inf)

    def kill(self) -> None:
        self.send.send_nowait({"reason": "told", "signal": 9})

    async def wait(self) -> dict[str, Any] | None:
        return await self._receive.receive()

    def close(self) -> None:
        pass


class Played:
    """The parts of a worker, and its other end, which the test plays."""

    outputs = ()

    def __init__(self) -> None:
        ours, self.stream = trio.testing.memory_stream_pair()
        self.transport, self.control = MemoryTransport(ours), PlayedControl()
        self.sender = shared.Sender(None)
        self.receiver = shared.Receiver(None, copy=True)
        self.session = Session()
        self.heard: list[Message] = []

    def close(self) -> None:
        pass

    async def next(self) -> Message:
        while not self.heard:
            self.heard += self.session.feed(bytes(await self.stream.receive_some(65_536)))
        return self.heard.pop(0)

    async def say(self, message: Message | bytes) -> None:
        await self.stream.send_all(message if isinstance(message, bytes) else encode(message))

    async def answer(self, result: Any) -> Request:
        request = await self.next()
        assert isinstance(request, Request)
        await self.say(Reply(request.id, None, result))
        return request


def start(**spec: Any) -> Start:
    def refuse(fds: list[int]) -> Any:
        raise AssertionError("nothing is forked here")

    return Start(
        foreign(**spec), "w-1", (), refuse, {"wait": trio.sleep_forever}, None, logging.getLogger("tests")
    )
