"""The subscriptions of one connection: each a cursor, a credit and a task that sends.

Nothing is queued for a client: what it has no credit for stays in the log. One that falls out of the
recent events is told so (``lagged``) and goes on with what is recent; it may subscribe again from where
it stopped and then reads the log itself. What was removed from the log meanwhile it is told of in the
same way.
"""

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Annotated, Any

import msgspec
import trio
from msgspec import Meta

from labd.api.methods import Peer, Role
from labd.api.node import Event
from labd.daemon.events import Bus, Listener, as_map
from labd.errors import NotFound, NotPermitted, Overloaded

BATCH = 256
MAX_CREDIT = 65_536
MAX_SUBSCRIPTIONS = 32


class Subscribe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of ``subscribe``: topics as patterns, a resume token, a first credit."""

    topics: Annotated[tuple[str, ...], Meta(max_length=64)] = ()
    since: int | None = None
    epoch: str | None = None
    credit: Annotated[int, Meta(ge=0, le=MAX_CREDIT)] = 256


class _Subscription:
    def __init__(self, number: int, listener: Listener, credit: int, catching_up: bool) -> None:
        self.number = number
        self.listener = listener
        self.credit = credit
        self.catching_up = catching_up
        self.more = trio.Event()
        self.scope = trio.CancelScope()

    def add(self, events: int) -> None:
        self.credit = min(self.credit + max(0, events), MAX_CREDIT)
        self.more.set()

    async def wait_credit(self) -> int:
        while self.credit <= 0:
            self.more = trio.Event()
            await self.more.wait()
        return min(self.credit, BATCH)


class Subscriptions:
    """Opens, feeds and closes them."""

    def __init__(
        self, bus: Bus, epoch: str, notify: Callable[[str, dict[str, Any]], Awaitable[None]]
    ) -> None:
        self._bus = bus
        self._epoch = epoch
        self._notify = notify
        self._numbers = count(1)
        self._open: dict[int, _Subscription] = {}

    def open(self, ask: Subscribe, peer: Peer, nursery: trio.Nursery) -> dict[str, Any]:
        """Begin; events follow as notices. Raises NotPermitted, Overloaded."""
        if peer.role < Role.VIEW:
            raise NotPermitted(f"subscribe needs the role view, {peer.name} has none")
        if len(self._open) >= MAX_SUBSCRIPTIONS:
            raise Overloaded(f"{MAX_SUBSCRIPTIONS} subscriptions on one connection is the limit")
        resumes = ask.since is not None and ask.epoch in (None, self._epoch) and ask.since <= self._bus.last
        listener = self._bus.listen(ask.topics, ask.since if resumes else None)
        sub = _Subscription(next(self._numbers), listener, ask.credit, catching_up=resumes)
        self._open[sub.number] = sub
        nursery.start_soon(self._feed, sub, ask.since is not None and not resumes)
        return {
            "subscription": sub.number,
            "epoch": self._epoch,
            "seq": listener.cursor,
            "oldest": self._bus.oldest,
        }

    def close(self, number: object) -> dict[str, Any]:
        sub = self._open.get(number) if isinstance(number, int) else None
        if sub is None:
            raise NotFound(
                f"there is no subscription {number!r} on this connection",
                hint=f"there are: {', '.join(map(str, self._open)) or 'none'}",
            )
        sub.scope.cancel(reason="unsubscribed")
        return {}

    def credit(self, params: dict[str, Any]) -> None:
        """So many more events may be sent; nonsense is passed over, a notice has no answer."""
        number, events = params.get("subscription"), params.get("events")
        if isinstance(number, int) and isinstance(events, int) and number in self._open:
            self._open[number].add(events)

    async def _feed(self, sub: _Subscription, forgotten: bool) -> None:
        with sub.scope, sub.listener:
            if forgotten:
                await self._lagged(sub, (0, sub.listener.cursor))
            while True:
                await trio.lowlevel.checkpoint()
                await self._send_some(sub)
        del self._open[sub.number]

    async def _send_some(self, sub: _Subscription) -> None:
        limit = await sub.wait_credit()
        await sub.listener.wait_readable()
        events = await self._next(sub, limit)
        if events:
            sub.credit -= len(events)
            batch = {"subscription": sub.number, "events": [as_map(e) for e in events]}
            await self._notify("event", batch)

    async def _next(self, sub: _Subscription, limit: int) -> list[Event]:
        listener = sub.listener
        if listener.behind and sub.catching_up:
            if listener.lost:
                await self._lagged(sub, listener.skip_lost())
            return await listener.read_older(limit)
        if listener.behind:
            await self._lagged(sub, listener.skip())
        sub.catching_up = False
        return listener.read_nowait(limit)

    async def _lagged(self, sub: _Subscription, skipped: tuple[int, int]) -> None:
        first, last = skipped
        await self._notify("lagged", {"subscription": sub.number, "first": first, "last": last})
