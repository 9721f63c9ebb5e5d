"""The queue of one model: bounded by count and bytes, in order of arrival and priority. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from math import inf

from labd.plugins.serving.item import QUEUED, Item

STEP = 0.1
"""Seconds by which each level of priority stands ahead of the next: so nobody waits for ever."""

SLACK = 256
"""So many places of those that are over are kept beyond as many as there are of others."""


class Queue:
    """Items in lanes, one for each key and level of priority; those of one lane are in order."""

    def __init__(self) -> None:
        self._lanes: dict[Hashable, dict[int, deque[Item]]] = {}
        self._alone: deque[Item] = deque()
        self.count = self.size = self.rows = 0
        self._dead = 0

    def put(self, item: Item) -> None:
        """Queue *item* behind those of its key and priority."""
        self._count(item, 1)
        levels = self._lanes.get(item.key)
        if levels is None:
            levels = self._lanes[item.key] = {}
        lane = levels.get(item.request.priority)
        if lane is None:
            lane = levels[item.request.priority] = deque()
        lane.append(item)

    def put_back(self, items: list[Item]) -> None:
        """Queue *items* again, before all others; each goes alone if it is marked so."""
        for item in reversed(items):
            item.state = QUEUED
            self._count(item, 1)
            if item.alone:
                self._alone.appendleft(item)
            else:
                levels = self._lanes.setdefault(item.key, {})
                levels.setdefault(item.request.priority, deque()).appendleft(item)

    def drop(self, item: Item) -> None:
        """Take out *item*, which is over already; its place is cleared when somebody gets there."""
        self._count(item, -1)
        self._dead += 1
        if self._dead > self.count + SLACK:
            self._clear()

    def take(self, most: int) -> list[Item]:
        """The next items that go together, of at most *most* rows; they are not queued any more."""
        while self._alone:
            if (item := self._alone.popleft()).state == QUEUED:
                self._count(item, -1)
                return [item]
        levels = self._first()
        return [] if levels is None else self._fill(levels, most)

    def first(self) -> Item | None:
        """The one that is next, if there is one."""
        for item in self._alone:
            if item.state == QUEUED:
                return item
        levels = self._first()
        return None if levels is None else min((lane[0] for lane in levels.values()), key=_score)

    def rows_with_first(self) -> int:
        """How many rows could go together with the first one's."""
        levels = self._first()
        if self._alone or levels is None:
            return self.rows
        return sum(item.rows for lane in levels.values() for item in lane if item.state == QUEUED)

    def __iter__(self) -> Iterator[Item]:
        """Everything that is queued, in no order."""
        lanes = [lane for levels in self._lanes.values() for lane in levels.values()]
        for lane in (self._alone, *lanes):
            for item in lane:
                if item.state == QUEUED:
                    yield item

    def _clear(self) -> None:
        """Forget those that are over: whoever leaves while all workers are busy is not to fill the memory."""
        self._dead = 0
        self._alone = deque(item for item in self._alone if item.state == QUEUED)
        for key, levels in [*self._lanes.items()]:
            live = {level: deque(i for i in lane if i.state == QUEUED) for level, lane in levels.items()}
            self._lanes[key] = {level: lane for level, lane in live.items() if lane}
            if not self._lanes[key]:
                del self._lanes[key]

    def _first(self) -> dict[int, deque[Item]] | None:
        """The levels of the key whose head is first; empty lanes are cleared on the way."""
        best, found = inf, None
        for key in [*self._lanes]:
            levels = self._lanes[key]
            score = self._head(levels)
            if score == inf:
                del self._lanes[key]
            elif score < best:
                best, found = score, levels
        return found

    def _head(self, levels: dict[int, deque[Item]]) -> float:
        best = inf
        for level in [*levels]:
            lane = levels[level]
            while lane and lane[0].state != QUEUED:
                lane.popleft()
            if not lane:
                del levels[level]
            elif lane[0].score < best:
                best = lane[0].score
        return best

    def _fill(self, levels: dict[int, deque[Item]], most: int) -> list[Item]:
        items: list[Item] = []
        while self._head(levels) < inf:
            lane = next(iter(levels.values())) if len(levels) == 1 else min(levels.values(), key=_head_score)
            if lane[0].rows > most and items:
                break
            item = lane.popleft()
            most -= item.rows
            self._count(item, -1)
            items.append(item)
            if most <= 0:
                break
        return items

    def _count(self, item: Item, sign: int) -> None:
        self.count += sign
        self.rows += sign * item.rows
        self.size += sign * item.size


def _score(item: Item) -> float:
    return item.score


def _head_score(lane: deque[Item]) -> float:
    return lane[0].score
