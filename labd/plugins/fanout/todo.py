"""Which calls of a map are still to be made, and what became of the others. Pure."""

from collections import deque
from collections.abc import Iterable

OPEN, GOOD, BAD, TAKEN = 0, 1, 2, 3
MOST = 255
"""Attempts that are counted; more are shown as so many."""


class Todo:
    """The calls 0 to *total* - 1, at four bytes each.

    A call is taken, and then settled, lost with its worker, or to be tried again. What was lost is made again
    alone: among several nobody knows who ended the worker.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.good = self.bad = self.in_work = self.repeated = 0
        self._fresh = 0
        self._again: deque[int] = deque()
        self._alone: deque[int] = deque()
        self._outcome = bytearray(total)
        self._attempts = bytearray(total)
        self._failures = bytearray(total)
        self._losses = bytearray(total)

    @property
    def done(self) -> int:
        return self.good + self.bad

    @property
    def left(self) -> int:
        """Calls that nobody works on."""
        return self.total - self.done - self.in_work

    def attempt(self, call: int) -> int:
        """How often *call* was begun."""
        return self._attempts[call]

    # -- what is known from before ---------------------------------------------------------------

    def begun(self, calls: Iterable[int], attempt: int) -> None:
        """A former daemon had begun these."""
        for call in calls:
            more = min(attempt, MOST) - self._attempts[call]
            if more > 0:
                self.repeated += more - (self._attempts[call] == 0)
                self._attempts[call] += more

    def known(self, call: int, good: bool) -> None:
        """The outcome of *call* is on the disk; said twice, it counts once."""
        if self._outcome[call] == OPEN:
            self._settle(call, good)

    # -- work ------------------------------------------------------------------------------------

    def take(self, most: int) -> list[int]:
        """The next calls, *most* at most; none when nothing is left. Each counts as begun once more."""
        calls = self._next(most)
        for call in calls:
            self.repeated += self._attempts[call] > 0
            self._attempts[call] = min(self._attempts[call] + 1, MOST)
        self.in_work += len(calls)
        return calls

    def settle(self, call: int, good: bool) -> None:
        """The outcome of a call that was taken is on the disk."""
        self.in_work -= 1
        self._settle(call, good)

    def again(self, call: int, retries: int) -> bool:
        """*call* failed by itself: whether it has a try left, and is to be made again."""
        if self._failures[call] >= retries:
            return False
        self._failures[call] += 1
        self.in_work -= 1
        self._again.append(call)
        return True

    def lost(self, calls: Iterable[int], retries: int) -> list[int]:
        """These went down with their worker; those that did so once too often, and are not made again."""
        over = []
        for call in calls:
            if self._losses[call] >= max(retries, 1):
                over.append(call)
                continue
            self._losses[call] += 1
            self.in_work -= 1
            self._alone.append(call)
        return over

    def give_back(self, calls: Iterable[int]) -> None:
        """These were taken and never sent."""
        for call in calls:
            self.in_work -= 1
            self._attempts[call] -= 1
            self.repeated -= self._attempts[call] > 0
            self._again.append(call)

    def put_back(self, calls: Iterable[int]) -> None:
        """These were taken, and may have been made; they are made again with the others."""
        for call in calls:
            self.in_work -= 1
            self._again.append(call)

    def taken(self, calls: Iterable[int], attempt: int) -> list[int]:
        """Those of *calls* that have no outcome are still with whom a former daemon gave them to."""
        found = [call for call in calls if self._outcome[call] == OPEN]
        self.begun(found, attempt)
        return self._with_somebody(found)

    def unsure(self, calls: Iterable[int]) -> list[int]:
        """Those of *calls* that were begun, have no outcome, and are with nobody; they count as taken."""
        return self._with_somebody(
            [call for call in calls if self._attempts[call] and self._outcome[call] == OPEN]
        )

    def _with_somebody(self, calls: list[int]) -> list[int]:
        for call in calls:
            self._outcome[call] = TAKEN
        self.in_work += len(calls)
        return calls

    def _next(self, most: int) -> list[int]:
        if self._alone:
            return [self._alone.popleft()]
        if self._again:
            return sorted(self._again.popleft() for _ in range(min(most, len(self._again))))
        return self._run(most)

    def _run(self, most: int) -> list[int]:
        """The next calls in order that have no outcome."""
        found: list[int] = []
        while len(found) < most:
            call = self._outcome.find(OPEN, self._fresh)
            if call < 0:
                self._fresh = self.total
                break
            self._fresh = call + 1
            found.append(call)
        return found

    def _settle(self, call: int, good: bool) -> None:
        self._outcome[call] = GOOD if good else BAD
        if good:
            self.good += 1
        else:
            self.bad += 1
