"""``map.*``: what clients ask for, and who may."""

from typing import Annotated, Any, Literal

import msgspec
import trio
from msgspec import Meta

from labd.api import Call, DeadlineExceeded, Method, Node, NotPermitted, Peer, Role
from labd.plugins.fanout.engine import Engine, as_map
from labd.plugins.fanout.map import Map
from labd.plugins.fanout.model import MapSpec

Ref = int | str
CHUNK = 1_048_576
"""Bytes of results or logs in one answer, unless asked for more."""

MAX_CHUNK = 16 * 2**20
Size = Annotated[int, Meta(ge=0)]


class Submit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    spec: MapSpec
    arguments: bytes = b""
    more: bool = False
    key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class Extend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    map: Ref
    at: Size
    arguments: bytes = b""
    more: bool = False


class One(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    map: Ref


class List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    states: tuple[str, ...] | None = None
    limit: Annotated[int, Meta(ge=1, le=5000)] = 100


class Read(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    map: Ref
    offset: Size = 0
    limit: Annotated[int, Meta(ge=1, le=MAX_CHUNK)] = CHUNK
    wait: Annotated[float, Meta(ge=0, le=60)] = 0


class Wait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    map: Ref
    timeout: Annotated[float, Meta(ge=0)] | None = None


class Cancel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    map: Ref
    reason: Annotated[str, Meta(max_length=1000)] = ""


class Collect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dry_run: bool = False


class MapMethods:
    """The handlers; what they do is the :class:`Engine`'s."""

    def __init__(self, engine: Engine, node: Node) -> None:
        self._engine, self._node = engine, node

    def all(self) -> list[Method]:
        return [
            Method("map.submit", self.submit, Submit, Role.SUBMIT, "Accept a map; durable when answered."),
            Method("map.extend", self.extend, Extend, Role.SUBMIT, "More arguments of an open map."),
            Method("map.list", self.list, List, Role.VIEW, "Maps, the newest first."),
            Method("map.show", self.show, One, Role.VIEW, "One map."),
            Method("map.results", self.results, Read, Role.VIEW, "Results as ndjson, from an offset on."),
            Method(
                "map.logs", self.logs, Read, Role.VIEW, "What calls printed, as ndjson, from an offset on."
            ),
            Method("map.wait", self.wait, Wait, Role.VIEW, "Answer when the map has ended."),
            Method("map.cancel", self.cancel, Cancel, Role.SUBMIT, "End a map; its results stay."),
            Method("map.gc", self.gc, Collect, Role.ADMIN, "Remove maps that are over the limits."),
            Method("map.retry", self.retry, One, Role.SUBMIT, "Make the calls again that did not succeed."),
        ]

    async def submit(self, call: Call, ask: Submit) -> dict[str, Any]:
        one = await self._engine.submit(call.peer, ask.spec, ask.arguments, ask.more, ask.key)
        return self._answer(one)

    async def extend(self, call: Call, ask: Extend) -> dict[str, Any]:
        one = self._owned(call.peer, ask.map, "extend")
        size = await self._engine.extend(one, ask.at, ask.arguments, ask.more)
        return {**self._answer(one), "size": size}

    async def list(self, call: Call, ask: List) -> dict[str, Any]:
        wanted = (m for m in self._engine.maps if ask.states is None or m.record.state in ask.states)
        return {"maps": [self._view(one) for one, _ in zip(wanted, range(ask.limit), strict=False)]}

    async def show(self, call: Call, ask: One) -> dict[str, Any]:
        one = self._engine.find(ask.map)
        spec = as_map(msgspec.structs.replace(one.record.spec, env={}))
        return {**self._answer(one), "spec": spec, "trouble": self._engine.trouble}

    async def results(self, call: Call, ask: Read) -> dict[str, Any]:
        return await self._read(call.peer, ask, "results")

    async def logs(self, call: Call, ask: Read) -> dict[str, Any]:
        return await self._read(call.peer, ask, "logs")

    async def wait(self, call: Call, ask: Wait) -> dict[str, Any]:
        one = self._engine.find(ask.map)
        with trio.move_on_after(trio_limit(ask.timeout)):
            await one.wait_ended()
            return self._answer(one)
        raise DeadlineExceeded(f"map {one.record.id} has not ended within {ask.timeout:g} s")

    async def cancel(self, call: Call, ask: Cancel) -> dict[str, Any]:
        one = self._owned(call.peer, ask.map, "cancel")
        await self._engine.cancel(one, ask.reason or f"cancelled by {call.peer.name}")
        return self._answer(one)

    async def retry(self, call: Call, ask: One) -> dict[str, Any]:
        one = self._owned(call.peer, ask.map, "retry")
        calls = await self._engine.retry(one)
        return {**self._answer(one), "calls": calls}

    async def gc(self, call: Call, ask: Collect) -> dict[str, Any]:
        went = await self._engine.collect(ask.dry_run)
        return {"dry_run": ask.dry_run, "maps": len(went), "bytes": sum(one.size for one in went)}

    async def _read(self, peer: Peer, ask: Read, name: Literal["results", "logs"]) -> dict[str, Any]:
        one = self._owned(peer, ask.map, f"read the {name} of")
        live, data = await self._look(one, name, ask)
        with trio.move_on_after(ask.wait):
            while live and not data:
                news = one.news
                live, data = await self._look(one, name, ask)
                if live and not data:
                    await news.wait()
        answer = {**self._answer(one), "data": data, "offset": ask.offset + len(data)}
        return {**answer, "ended": not live and not data}

    async def _look(self, one: Map, name: str, ask: Read) -> tuple[bool, bytes]:
        """Whether more may come, and what is there; in this order, so that nothing is missed."""
        live = one.record.live
        return live, await self._engine.read(one, name, ask.offset, ask.limit)

    def _answer(self, one: Map) -> dict[str, Any]:
        return {"map": self._view(one)}

    def _view(self, one: Map) -> dict[str, Any]:
        return as_map(one.view(self._node.clock.boot()))

    def _owned(self, peer: Peer, ref: Ref, verb: str) -> Map:
        one = self._engine.find(ref)
        if peer.uid != one.record.uid and peer.role < Role.OPERATE:
            raise NotPermitted(
                f"map {one.record.id} belongs to {one.record.user}: {peer.name} cannot {verb} it",
                hint="that needs the role operate",
            )
        return one


def trio_limit(timeout: float | None) -> float:
    """Seconds to wait; no limit is infinite."""
    return float("inf") if timeout is None else timeout
