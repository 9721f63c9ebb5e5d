"""labd from an asyncio program: the calls of :mod:`labd.client`, awaited.

::

    async with Client() as labd:
        squares = await labd.map(square, range(1000))
        async for result in squares:
            print(result)
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

from labd.client import show
from labd.client import spec as specs
from labd.client.maps import POLL, failure
from labd.client.results import CallFailed, MapFailed, Result, Sorter, Stream
from labd.errors import Unreachable
from labd.paths import client_socket
from labd.wire.aio import Client as Wire

__all__ = ["CallFailed", "Client", "Map", "MapFailed", "Result"]


class Client:
    """As :class:`labd.client.Client`; enter it first. Calls wait for a daemon that is gone."""

    def __init__(self, socket: str | None = None) -> None:
        self._socket = client_socket(socket)
        self._wire = Wire(self._socket)

    async def __aenter__(self) -> "Client":
        await self._wire.__aenter__()
        if self._wire.error is not None:
            error = self._wire.error
            await self._wire.aclose()
            raise error
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._wire.aclose()

    async def map(
        self,
        function: Callable[..., Any] | str,
        *iterables: Iterable[Any],
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> "Map":
        """As :meth:`labd.client.Client.map`."""
        spec = specs.spec_of(function, kwargs, options)
        if files := specs.files_of(spec, options):
            spec["data"] = await asyncio.to_thread(specs.sent, self._socket, files)
        bounds = specs.simple_range(iterables)
        if bounds is not None:
            spec["range"] = bounds
        parts = iter(specs.parts(specs.lines(iterables)) if bounds is None else [(b"", False)])
        return await self._submitted(spec, parts)

    async def submit(self, function: Callable[..., Any] | str, *args: Any, **kwargs: Any) -> "Map":
        """One call: a map with one result."""
        spec = specs.spec_of(function, kwargs, {})
        line = b"".join(specs.lines(tuple([each] for each in args))) or b"[]\n"
        return await self._submitted(spec, iter([(line, False)]))

    async def get(self, ref: int | str) -> "Map":
        """The map with this id, or the newest of this name. Raises NotFound."""
        return Map(self, (await self.call("map.show", {"map": ref}))["map"])

    async def call(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """A method that may be called twice: without a daemon it waits for one."""
        while True:
            await self._wire.wait_state("up")
            try:
                return await self._wire.call(method, params)
            except Unreachable:
                await self._wire.wait_state("down")

    async def _submitted(self, spec: dict[str, Any], parts: Any) -> "Map":
        data, more = next(parts)
        ask = {"spec": spec, "arguments": data, "more": more, "key": os.urandom(16).hex()}
        view = (await self.call("map.submit", ask))["map"]
        at = len(data)
        for data, more in parts:
            await self.call("map.extend", {"map": view["id"], "at": at, "arguments": data, "more": more})
            at += len(data)
        return Map(self, view)


class Map:
    """As :class:`labd.client.Map`, with ``async for``."""

    def __init__(self, client: Client, view: dict[str, Any]) -> None:
        self._client, self._view = client, view
        self.id: int = view["id"]

    async def info(self) -> dict[str, Any]:
        """How it stands now."""
        return await self._asked("map.show")

    async def __aiter__(self) -> AsyncIterator[Any]:
        sorter = Sorter()
        async for result in self.as_completed():
            for each in sorter.put(result):
                yield each.value()

    async def as_completed(self) -> AsyncIterator[Result]:
        """Each result once it is there, failed ones too. Raises MapFailed."""
        stream, offset, ended = Stream(), 0, False
        while not ended:
            ask = {"map": self.id, "offset": offset, "wait": POLL}
            answer = await self._client.call("map.results", ask)
            self._view, offset, ended = answer["map"], answer["offset"], answer["ended"]
            for result in stream.feed(answer["data"]):
                yield result
        if self._view["succeeded"] + self._view["failed"] < self._view["total"]:
            raise failure(self._view)

    async def results(self) -> list[Any]:
        """All results in order. Raises as iterating does."""
        return [value async for value in self]

    async def cancel(self, reason: str = "") -> None:
        """End it. Raises Conflict when it has ended."""
        await self._asked("map.cancel", reason=reason)

    async def retry(self) -> None:
        """Make the calls again that failed or were not made."""
        await self._asked("map.retry")

    def __repr__(self) -> str:
        return f"<map {self.id} {show.sentence(self._view)}>"

    async def _asked(self, method: str, **more: Any) -> dict[str, Any]:
        self._view = (await self._client.call(method, {"map": self.id, **more}))["map"]
        return self._view
