"""``daemon.*``, ``event.*`` and ``methods``: the daemon about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Protocol

import msgspec
from msgspec import Meta

from labd.api.methods import Call, Method, Role
from labd.daemon.dispatch import Dispatcher
from labd.daemon.events import Bus, as_map
from labd.store import eventlog
from labd.store.writer import Store

if TYPE_CHECKING:
    from labd.daemon.doctor import Check

MAX_EVENTS = 5000


class ListEvents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    since: Annotated[int, Meta(ge=0)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_EVENTS)] = 100
    job: int | None = None
    kinds: Annotated[tuple[str, ...], Meta(max_length=64)] = ()


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: str = ""
    drain: Annotated[float, Meta(ge=0, le=31_536_000)] | None = None


class Control(Protocol):
    """What the root offers to whoever administers the daemon."""

    def status(self) -> dict[str, Any]: ...

    async def doctor(self) -> list[Check]: ...

    async def reload(self) -> dict[str, list[str]]: ...

    def stop(self, reason: str, drain: float | None = None) -> None: ...


class SystemMethods:
    """The handlers."""

    def __init__(self, control: Control, dispatcher: Dispatcher, store: Store, bus: Bus) -> None:
        self._control = control
        self._dispatcher = dispatcher
        self._store = store
        self._bus = bus

    def all(self) -> list[Method]:
        return [
            Method("methods", self.methods, doc="Every method, with the schema of its parameters."),
            Method("event.list", self.events, ListEvents, doc="Events from the log, in order."),
            Method("daemon.status", self.status, doc="Resources, jobs by state, services, trouble."),
            Method("daemon.doctor", self.doctor, doc="Check the store, the disk, the machine, the plugins."),
            Method("daemon.reload", self.reload, role=Role.ADMIN, doc="Read the configuration again."),
            Method("daemon.stop", self.stop, Stop, Role.ADMIN, "Stop the daemon; jobs run on."),
        ]

    async def methods(self, call: Call, ask: object) -> dict[str, Any]:
        return {"methods": self._dispatcher.describe()}

    async def events(self, call: Call, ask: ListEvents) -> dict[str, Any]:
        first, last = self._store.read(eventlog.bounds)
        unfiltered = ask.job is None and not ask.kinds
        since = max(last - ask.limit, 0) if ask.since is None and unfiltered else ask.since or 0
        found = await self._store.read_slow(
            lambda conn: eventlog.after(conn, since, ask.limit, ask.job, ask.kinds)
        )
        return {"events": [as_map(e) for e in found], "oldest": first, "last": last}

    async def status(self, call: Call, ask: object) -> dict[str, Any]:
        return self._control.status()

    async def doctor(self, call: Call, ask: object) -> dict[str, Any]:
        return {"checks": await self._control.doctor()}

    async def reload(self, call: Call, ask: object) -> dict[str, Any]:
        return await self._control.reload()

    async def stop(self, call: Call, ask: Stop) -> dict[str, Any]:
        self._control.stop(ask.reason or f"asked by {call.peer.name}", ask.drain)
        return {}
