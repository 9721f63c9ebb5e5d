"""The client's books of one subscription: what came, what may still come, where to go on. No I/O.

The daemon sends an event for each credit it holds, and *window* credits are all there are: they come back
as the consumer takes events, so that a slow consumer holds a window of events and no more. After a broken
connection :meth:`Subscription.resume` asks for what follows the last event received, and whatever comes
twice is dropped. What the daemon had to skip shows as an event of kind ``lagged`` in its place, with
``first`` and ``last`` in its ``data``, and in :attr:`Subscription.lagged`.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from labd.errors import ProtocolError

WINDOW = 1000
"""Events on their way or waiting for the consumer, at most."""

LAGGED = "lagged"
"""The kind of the event that stands for those that were skipped."""

PASSING = 0
"""The seq of an event that is not in the log (a job's progress): it is never a duplicate, nor sent again."""

_RANGES_KEPT = 100


class Range(NamedTuple):
    """The seqs *first* to *last*, both included."""

    first: int
    last: int


class SubscriptionStatistics(NamedTuple):
    received: int
    duplicates: int
    ready: int
    credit: int


class Subscription:
    """One subscription to *topics* (all if empty), from now on or after the event *since* of *epoch*."""

    def __init__(
        self,
        topics: Sequence[str] = (),
        window: int = WINDOW,
        *,
        since: int | None = None,
        epoch: str | None = None,
    ) -> None:
        self.id: int | None = None
        self.last = since
        self.epoch = epoch
        self.ready: deque[dict[str, Any]] = deque()
        self.lagged: deque[Range] = deque(maxlen=_RANGES_KEPT)
        self._topics = list(topics)
        self._window = max(1, window)
        self._credit = 0
        self._owed = 0
        self._received = 0
        self._duplicates = 0

    def start(self) -> dict[str, Any]:
        """The params of ``subscribe``."""
        self._owed = 0
        self._credit = max(0, self._window - len(self.ready))
        return {"topics": self._topics, "since": self.last, "epoch": self.epoch, "credit": self._credit}

    def resume(self) -> dict[str, Any]:
        """The params of ``subscribe`` on a new connection: what follows the last event received."""
        return self.start()

    def started(self, reply: Any) -> None:
        """Take the daemon's answer to ``subscribe``: the events after its ``seq`` follow.

        That is before the last one received if the epoch is another: its numbers say nothing of ours.
        """
        wanted = {"subscription": int, "epoch": str, "seq": int}
        if not isinstance(reply, dict) or not all(isinstance(reply.get(k), t) for k, t in wanted.items()):
            raise ProtocolError(f"the daemon answered subscribe with {str(reply)[:80]}")
        same = self.epoch in (None, reply["epoch"])
        self.last = reply["seq"] if self.last is None or not same else min(self.last, reply["seq"])
        self.id, self.epoch = reply["subscription"], reply["epoch"]

    def on_events(self, events: Any) -> int:
        """Put the new ones of *events* into :attr:`ready`; the credit to give back for the others."""
        if not isinstance(events, list) or not all(_is_event(event) for event in events):
            raise ProtocolError("the daemon sent events that are not a list of maps with a seq")
        self._credit -= len(events)
        if self._credit < 0:
            raise ProtocolError(f"the daemon sent {-self._credit} events more than it had credit for")
        before = len(self.ready)
        for event in events:
            self._add(event)
        duplicates = len(events) - (len(self.ready) - before)
        self._duplicates += duplicates
        self._credit += duplicates
        return duplicates

    def on_lagged(self, first: Any, last: Any) -> None:
        """Note that the events *first* to *last* will not come."""
        if type(first) is not int or type(last) is not int or last < first:
            raise ProtocolError(f"the daemon sent a lagged notice from {first!r:.40} to {last!r:.40}")
        self.last = last if self.last is None else max(self.last, last)
        if self.ready and self.ready[-1].get("kind") == LAGGED:  # still unseen: one mark says both
            first = min(first, self.ready.pop()["data"]["first"])
            self.lagged.pop()
        self.lagged.append(Range(first, last))
        self.ready.append({"seq": last, "kind": LAGGED, "data": {"first": first, "last": last}})

    def take(self) -> dict[str, Any]:
        """The next event; IndexError when none is ready."""
        event = self.ready.popleft()
        self._owed += event.get("kind") != LAGGED
        return event

    def due(self) -> int:
        """The credit to give back now: nothing until half the window was taken, to save messages."""
        if self._owed * 2 < self._window:
            return 0
        credit, self._owed = self._owed, 0
        self._credit += credit
        return credit

    def statistics(self) -> SubscriptionStatistics:
        """Events received and dropped as duplicates so far; those ready; the daemon's credit."""
        return SubscriptionStatistics(self._received, self._duplicates, len(self.ready), self._credit)

    def _add(self, event: dict[str, Any]) -> None:
        if event["seq"] != PASSING:
            if self.last is not None and event["seq"] <= self.last:
                return
            self.last = event["seq"]
        self._received += 1
        self.ready.append(event)


def _is_event(event: Any) -> bool:
    return isinstance(event, dict) and type(event.get("seq")) is int and event.get("kind") != LAGGED
