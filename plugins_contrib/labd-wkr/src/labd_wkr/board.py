"""Who listens for what on the port of answers, and answers that wait for their listener. Pure.

A new client asks before its subscription has arrived. So an answer that nobody listens for is kept for some
seconds: else exactly the first one of each client could be lost.
"""

from collections import deque
from typing import NamedTuple, Protocol


class Listener(Protocol):
    waiting: int

    def send(self, data: bytes) -> None: ...


class _Kept(NamedTuple):
    until: float
    topic: bytes
    data: bytes


class Board:
    """Answers by topic. *keep* is seconds; at most *most* answers of *room* bytes together are kept."""

    def __init__(self, keep: float = 5.0, most: int = 10_000, room: int = 64 * 2**20) -> None:
        self._keep, self._most, self._room = keep, most, room
        self._listeners: dict[bytes, set[Listener]] = {}
        self._prefixes: dict[Listener, set[bytes]] = {}
        self._kept: deque[_Kept] = deque()
        self._size = 0
        self.lost = 0

    @property
    def sending(self) -> bool:
        """Whether a listener has not got all of its answers yet."""
        return any(listener.waiting for listener in self._prefixes)

    def publish(self, topic: bytes, data: bytes, now: float) -> None:
        """Send *data* to who listens for *topic*, or keep it."""
        found = self._hearing(topic)
        for listener in found:
            listener.send(data)
        if not found:
            self._kept.append(_Kept(now + self._keep, topic, data))
            self._size += len(data)
        self._forget(now)

    def listen(self, listener: Listener, prefix: bytes, now: float) -> None:
        """*listener* wants what begins with *prefix*, and gets what was kept of that."""
        self._listeners.setdefault(prefix, set()).add(listener)
        self._prefixes.setdefault(listener, set()).add(prefix)
        self._forget(now)
        for each in [kept for kept in self._kept if kept.topic.startswith(prefix)]:
            self._kept.remove(each)
            self._size -= len(each.data)
            listener.send(each.data)

    def leave(self, listener: Listener, prefix: bytes) -> bool:
        """*listener* does not want *prefix* any more; whether nobody does now."""
        there = self._listeners.get(prefix, set())
        there.discard(listener)
        self._prefixes.get(listener, set()).discard(prefix)
        if not there:
            self._listeners.pop(prefix, None)
        return not there

    def gone(self, listener: Listener) -> list[bytes]:
        """*listener* left; the prefixes that nobody wants any more."""
        prefixes = self._prefixes.pop(listener, set())
        return [prefix for prefix in sorted(prefixes) if self.leave(listener, prefix)]

    def _hearing(self, topic: bytes) -> set[Listener]:
        """Who listens for exactly *topic*, and for everything; if nobody, who does for a part of it.

        So ``ab`` does not get the answers of ``abc``, which it would take for its own.
        """
        exact = self._listeners.get(topic, set()) | self._listeners.get(b"", set())
        if exact:
            return exact
        found = [those for prefix, those in self._listeners.items() if topic.startswith(prefix)]
        return set().union(*found)

    def _forget(self, now: float) -> None:
        while self._kept and (
            self._kept[0].until <= now or len(self._kept) > self._most or self._size > self._room
        ):
            self._size -= len(self._kept.popleft().data)
            self.lost += 1
