"""The three clients behind one face, so that one scenario runs over each of them.

A scenario is ``async def scenario(client)``; what drives it is the driver's own loop, or no loop at all.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import trio
import trio.testing

from labd.errors import Unreachable
from labd.wire import aio, blocking, streams


class BlockingFace:
    """:class:`labd.wire.blocking.Client`; a feed is resumed by connecting again."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._open()

    def _open(self) -> None:
        self._client = blocking.Client(self._path, name="face")

    @property
    def inner(self) -> Any:
        return self._client

    async def call(self, *args: Any, **named: Any) -> Any:
        return self._client.call(*args, **named)

    async def events(self, topics: list[str], **named: Any) -> None:
        self._topics, self._named = topics, named
        self._feed = self._client.events(topics, **named)

    async def next(self) -> Any:
        try:
            event = next(self._feed)
        except Unreachable:
            self._client.close()
            epoch = self._client.hello["epoch"]
            self._open()
            named = self._named | {"since": self._last, "epoch": epoch}
            self._feed = self._client.events(self._topics, **named)
            event = next(self._feed)
        self._last = event["seq"]
        return event

    async def end(self) -> None:
        self._feed.close()  # type: ignore[attr-defined]


class AioFace:
    """:class:`labd.wire.aio.Client`, which resumes by itself."""

    def __init__(self, client: aio.Client) -> None:
        self.inner = client

    async def call(self, *args: Any, **named: Any) -> Any:
        return await self.inner.call(*args, **named)

    async def events(self, topics: list[str], **named: Any) -> None:
        self._feed = self.inner.events(topics, **named)

    async def next(self) -> Any:
        return await anext(self._feed)

    async def end(self) -> None:
        await self._feed.aclose()


class TrioFace:
    """:class:`labd.wire.streams.Client`; a feed is resumed by connecting again."""

    def __init__(self, stack: AsyncExitStack, connect: Callable[[], Awaitable[Any]]) -> None:
        self._stack, self._connect = stack, connect

    async def open(self) -> "TrioFace":
        self.inner: Any = await self._stack.enter_async_context(await self._connect())
        return self

    async def call(self, *args: Any, **named: Any) -> Any:
        return await self.inner.call(*args, **named)

    async def events(self, topics: list[str], **named: Any) -> None:
        self._topics, self._named = topics, named
        self._feed = await self.inner.events(topics, **named)

    async def next(self) -> Any:
        try:
            event = await anext(self._feed)
        except Unreachable:
            epoch = self.inner.hello["epoch"]
            await self.open()
            named = self._named | {"since": self._last, "epoch": epoch}
            self._feed = await self.inner.events(self._topics, **named)
            event = await anext(self._feed)
        self._last = event["seq"]
        return event

    async def end(self) -> None:
        await self._feed.aclose()


Scenario = Callable[[Any], Awaitable[Any]]


def run_blocking(path: str, scenario: Scenario) -> None:
    face = BlockingFace(path)
    steps = scenario(face)
    try:
        steps.send(None)  # type: ignore[attr-defined]
    except StopIteration:
        return
    finally:
        face.inner.close()
    raise AssertionError("a blocking client has nothing to wait for outside its calls")


def run_aio(path: str, scenario: Scenario) -> None:
    async def main() -> None:
        async with aio.Client(path, name="face") as client:
            if client.error is not None:
                raise client.error
            await scenario(AioFace(client))

    asyncio.run(asyncio.wait_for(main(), 60))


def run_trio(path: str, scenario: Scenario) -> None:
    async def connect() -> Any:
        return streams.open_client(path, name="face")

    async def main() -> None:
        with trio.fail_after(60):
            async with AsyncExitStack() as stack:
                await scenario(await TrioFace(stack, connect).open())

    trio.run(main)


def run_trio_memory(path: str, scenario: Scenario) -> None:
    """A client on a memory stream, whose other end is carried to the daemon three bytes at a time."""

    async def main() -> None:
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                async with AsyncExitStack() as stack:
                    await scenario(await TrioFace(stack, lambda: connect(nursery)).open())
                nursery.cancel_scope.cancel()

    async def connect(nursery: trio.Nursery) -> Any:
        ours, theirs = trio.testing.memory_stream_pair()
        nursery.start_soon(bridge, theirs, await trio.open_unix_socket(path))
        return streams.over(ours, where=path, name="face")

    try:
        trio.run(main)
    except BaseExceptionGroup as group:
        raise group.exceptions[0]  # noqa: B904  the one of the scenario: the bridge raises nothing


async def bridge(one: trio.abc.Stream, other: trio.abc.Stream) -> None:
    async with one, other, trio.open_nursery() as nursery:
        nursery.start_soon(carry, one, other, math.inf)
        nursery.start_soon(carry, other, one, 3)


async def carry(source: trio.abc.Stream, target: trio.abc.Stream, size: float) -> None:
    try:
        while data := await source.receive_some(65536):
            step = int(min(size, len(data)))
            for at in range(0, len(data), step):
                await target.send_all(bytes(data[at : at + step]))
        await trio.aclose_forcefully(target)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        await trio.aclose_forcefully(target)


DRIVERS = {"blocking": run_blocking, "aio": run_aio, "trio": run_trio, "trio-memory": run_trio_memory}
