"""The bus: every event in order, to whoever listens, without waiting for anybody.

A listener is a cursor into the log, not a queue: a slow one costs nothing. What it has not read yet it
reads from the recent ones in memory or, when it resumes from further back, from the store.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Any

import msgspec
import trio

from labd.api.node import Event
from labd.daemon import told

RECENT = 4096
"""Events kept in memory: what a listener may fall behind before it is told that it lagged."""

TRANSIENT = 256
"""Notices that are not in the log (progress of a job), kept for each listener."""


Older = Callable[[int, int], Awaitable[list[Event]]]
"""Reads events above a number from the store, so many at most."""


class Statistics(msgspec.Struct, frozen=True):
    last: int
    recent: int
    listeners: int


class Bus:
    """Publishes events; knows the last :data:`RECENT` of them, and where to read older ones."""

    def __init__(self, last: int, older: Older, first: int = 0) -> None:
        self.last = last
        self.older = older
        self.first = first
        """Below this number the log has gaps: old events were removed."""
        self._recent: deque[Event] = deque(maxlen=RECENT)
        self._news = trio.Event()
        self._listeners: set[Listener] = set()

    @property
    def oldest(self) -> int:
        """The number of the oldest event in memory, or the next one's when there is none."""
        return self._recent[0].seq if self._recent else self.last + 1

    def publish(self, events: list[Event]) -> None:
        """Say what was made durable. Numbers grow by one."""
        told.tell(events)
        self._recent.extend(events)
        self.last = max([self.last, *(e.seq for e in events)])
        self._wake()

    def publish_transient(self, event: Event) -> None:
        """Say something that nobody will ask for again; its number is 0."""
        for listener in self._listeners:
            listener.transient.append(event)
        self._wake()

    def followed(self, kind: str) -> bool:
        """Whether a listener asked for events of this kind by a pattern that is not everything."""
        return any(listener.follows(kind) for listener in self._listeners)

    def publish_sample(self, event: Event) -> None:
        """As :meth:`publish_transient`, for those alone who asked for it so."""
        for listener in self._listeners:
            if listener.follows(event.kind):
                listener.transient.append(event)
        self._wake()

    def after(self, seq: int, limit: int) -> list[Event]:
        """Events above *seq* from memory."""
        start = bisect_right(self._recent, seq, key=lambda event: event.seq)
        return [self._recent[i] for i in range(start, min(start + limit, len(self._recent)))]

    async def wait_news(self) -> None:
        """Wait until something is published."""
        await self._news.wait()

    def listen(self, topics: tuple[str, ...] = (), since: int | None = None) -> "Listener":
        """A new listener, from *since* (exclusive) or from now. Close it when done."""
        listener = Listener(self, topics, self.last if since is None else since)
        self._listeners.add(listener)
        return listener

    def forget(self, listener: "Listener") -> None:
        self._listeners.discard(listener)

    def statistics(self) -> Statistics:
        return Statistics(self.last, len(self._recent), len(self._listeners))

    def _wake(self) -> None:
        news, self._news = self._news, trio.Event()
        news.set()


class Listener:
    """A cursor into the log, with a filter: topics are patterns such as ``job.*``; none means all."""

    def __init__(self, bus: Bus, topics: tuple[str, ...], cursor: int) -> None:
        self._bus = bus
        self._topics = topics
        self.cursor = cursor
        self.transient: deque[Event] = deque(maxlen=TRANSIENT)

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *exc: object) -> None:
        self._bus.forget(self)

    @property
    def behind(self) -> bool:
        """Whether the next event is no longer in memory."""
        return self.cursor < self._bus.last and self.cursor + 1 < self._bus.oldest

    def wants(self, event: Event) -> bool:
        return not self._topics or any(fnmatchcase(event.kind, topic) for topic in self._topics)

    def follows(self, kind: str) -> bool:
        """Whether it asked for this kind, and not for all there is."""
        return any(fnmatchcase(kind, topic) for topic in self._topics if topic != "*")

    @property
    def lost(self) -> bool:
        """Whether events after the cursor were removed from the log."""
        return self.cursor + 1 < self._bus.first

    def skip_lost(self) -> tuple[int, int]:
        """Move to where the log is whole; returns the first and the last number that were skipped."""
        first, self.cursor = self.cursor + 1, self._bus.first - 1
        return first, self.cursor

    def skip(self) -> tuple[int, int]:
        """Move to what is in memory; returns the first and the last number that were skipped."""
        first, self.cursor = self.cursor + 1, self._bus.oldest - 1
        return first, self.cursor

    async def read_older(self, limit: int) -> list[Event]:
        """What is in the store after the cursor, moving it; it moves to memory's when there is nothing."""
        seen = await self._bus.older(self.cursor, limit)
        self.cursor = seen[-1].seq if seen else self._bus.oldest - 1
        return [e for e in seen if self.wants(e)]

    def read_nowait(self, limit: int) -> list[Event]:
        """What is in memory after the cursor, moving it; transient notices come last."""
        seen = self._bus.after(self.cursor, limit)
        if seen:
            self.cursor = seen[-1].seq
        chosen = [e for e in seen if self.wants(e)]
        while self.transient and len(chosen) < limit:
            if self.wants(event := self.transient.popleft()):
                chosen.append(event)
        return chosen

    async def wait_readable(self) -> None:
        """Wait until there is something after the cursor, wanted or not."""
        while self.cursor >= self._bus.last and not self.transient:
            await self._bus.wait_news()


PRIVATE = frozenset({"token", "key", "environment", "script", "env"})
"""What the events of jobs hold for labd alone, wherever it stands in their data."""


def as_map(event: Event) -> dict[str, Any]:
    """The event as it travels, without what is private."""
    data = _public(event.data) if event.kind.startswith("job.") else event.data
    return msgspec.structs.asdict(event) | {"data": data}


def _public(data: dict[str, Any]) -> dict[str, Any]:
    return {k: _public(v) if isinstance(v, dict) else v for k, v in data.items() if k not in PRIVATE}
