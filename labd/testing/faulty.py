"""Streams that do what networks do: break off, crawl, deliver nonsense. Time is trio's: it may be virtual."""

import math

import trio

CHUNK = 65_536


class Faulty(trio.abc.Stream):
    """Hands everything through to *stream*; the others are this, and one fault."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self._stream.aclose()


class Cut(Faulty):
    def __init__(self, stream: trio.abc.Stream, received: float, sent: float) -> None:
        super().__init__(stream)
        self._to_receive = received
        self._to_send = sent

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        part = memoryview(data)[: int(min(self._to_send, len(data)))]
        self._to_send -= len(part)
        await self._stream.send_all(part)
        if len(part) < len(data):
            await trio.aclose_forcefully(self._stream)
            raise trio.BrokenResourceError("the stream was cut")

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if self._to_receive <= 0:
            await trio.aclose_forcefully(self._stream)
            return b""
        data = await self._stream.receive_some(int(min(max_bytes or CHUNK, self._to_receive)))
        self._to_receive -= len(data)
        return data


class Slow(Faulty):
    def __init__(self, stream: trio.abc.Stream, seconds: float, size: int) -> None:
        super().__init__(stream)
        self._seconds = seconds
        self._size = size

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        for start in range(0, len(data), self._size):
            await trio.sleep(self._seconds)
            await self._stream.send_all(memoryview(data)[start : start + self._size])

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        await trio.sleep(self._seconds)
        return await self._stream.receive_some(min(max_bytes or CHUNK, self._size))


class Garbage(Faulty):
    def __init__(self, stream: trio.abc.Stream, data: bytes, received: int) -> None:
        super().__init__(stream)
        self._nonsense = data
        self._before = received

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if self._before > 0:
            data = await self._stream.receive_some(min(max_bytes or CHUNK, self._before))
            self._before -= len(data)
            return data
        if not self._nonsense:
            return await self._stream.receive_some(max_bytes)
        await trio.lowlevel.checkpoint()
        size = max_bytes or CHUNK
        said, self._nonsense = self._nonsense[:size], self._nonsense[size:]
        return said


def cut(stream: trio.abc.Stream, *, received: float = math.inf, sent: float = math.inf) -> trio.abc.Stream:
    """*stream*, which ends after *received* bytes have come in, or breaks once *sent* have gone out."""
    return Cut(stream, received, sent)


def slow(stream: trio.abc.Stream, seconds: float, size: int = 1) -> trio.abc.Stream:
    """*stream*, on which each *size* bytes take *seconds*, in both directions."""
    return Slow(stream, seconds, size)


def garbage(stream: trio.abc.Stream, data: bytes = b"\xc1" * 16, *, received: int = 0) -> trio.abc.Stream:
    """*stream*, on which *data* (by default no MessagePack at all) comes in after *received* bytes."""
    return Garbage(stream, data, received)
