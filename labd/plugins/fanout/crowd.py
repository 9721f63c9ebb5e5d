"""How maps share the machine: whoever has more workers than another that waits gives way. Pure."""

from collections import Counter

FIRST_TURN, LONGEST_TURN = 2.0, 300.0
"""Seconds that a worker keeps its place though a job waits: the first time, and at most."""


class Place:
    """Where a map waits for one worker, and then has it."""

    def __init__(self, number: int, have: Counter[int], wait: Counter[int]) -> None:
        self._number, self._have, self._wait = number, have, wait
        self._taken = False
        wait[number] += 1

    def taken(self) -> None:
        """It has its worker."""
        self._wait[self._number] -= 1
        self._have[self._number] += 1
        self._taken = True

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, *exc: object) -> None:
        counter = self._have if self._taken else self._wait
        counter[self._number] -= 1


class Crowd:
    """Counts the workers that each map has, and the places where it waits for one."""

    def __init__(self) -> None:
        self._have: Counter[int] = Counter()
        self._wait: Counter[int] = Counter()

    def place(self, number: int) -> Place:
        """Map *number* asks for a worker; leaving the place gives up either."""
        return Place(number, self._have, self._wait)

    def workers(self, number: int) -> int:
        """How many map *number* has."""
        return self._have[number]

    def give_way(self, number: int) -> bool:
        """Whether map *number* is to let one of its workers go."""
        mine = self._have[number]
        return any(
            waits > 0 and other != number and self._have[other] + 1 < mine
            for other, waits in self._wait.items()
        )


class Turns:
    """How one worker of a map takes turns with jobs that wait. Times are seconds of any steady clock.

    It works for a while, and gives its place to a job that waits. Where that did not help the job (it waits
    for more, or for something else), the next turn is twice as long.
    """

    def __init__(self) -> None:
        self._turn = FIRST_TURN

    def over(self, worked: float, wanted: bool) -> bool:
        """Whether the worker is to go, after it *worked* so long."""
        return wanted and worked >= self._turn

    def passed(self, wanted: bool) -> None:
        """It has waited; whether a job is still waiting."""
        self._turn = min(self._turn * 2, LONGEST_TURN) if wanted else FIRST_TURN
