"""Looking at memory: when, what it adds up to, and when it is too much."""

import os

import pytest

from labd.process import kernel, memory
from labd.process.memory import LATEST, SOONEST, Watch, pause

GIB = 1 << 30


class Uses:
    """A measure that says what it is told to; it keeps what it was asked."""

    def __init__(self, *sums: int) -> None:
        self.sums = list(sums)
        self.asked: list[tuple[int, int]] = []

    def __call__(self, root: int, limit: int) -> int:
        self.asked.append((root, limit))
        return self.sums.pop(0)


def test_the_limit_itself_may_be_used() -> None:
    watch = Watch(7, GIB, measure := Uses(GIB, GIB + 1))
    assert not watch.exceeded(100.0)
    assert watch.exceeded(100.0 + SOONEST)
    assert watch.peak == GIB + 1
    assert measure.asked == [(7, GIB)] * 2


def test_nobody_looks_before_it_is_time() -> None:
    watch = Watch(7, 8 * GIB, measure := Uses(GIB, GIB))
    assert watch.wait(100.0) == 0.0
    watch.exceeded(100.0)
    assert watch.wait(100.25) == LATEST - 0.25
    watch.exceeded(100.25)
    assert len(measure.asked) == 1
    watch.exceeded(100.0 + LATEST)
    assert len(measure.asked) == 2


def test_after_the_limit_was_exceeded_nobody_looks_again() -> None:
    watch = Watch(7, GIB, Uses(2 * GIB))
    assert watch.exceeded(1.0)
    assert watch.exceeded(9.0)
    assert watch.wait(9.0) is None


def test_the_peak_is_the_most_that_was_seen() -> None:
    watch = Watch(7, 8 * GIB, Uses(1, 3, 2))
    for now in (1.0, 2.0, 3.0):
        watch.exceeded(now)
    assert watch.peak == 3


def test_the_less_is_left_the_sooner_is_the_next_look() -> None:
    assert pause(100 * GIB, 0.0) == LATEST
    assert SOONEST < pause(GIB, 0.0) < LATEST
    assert pause(1, 0.0) == pause(-GIB, 0.0) == SOONEST


def test_looking_takes_a_small_part_of_a_core_however_long_it_takes() -> None:
    assert pause(1, 0.25) == 5.0


def test_the_dead_hold_nothing() -> None:
    assert (memory.own(2**22 + 1), memory.proportional(2**22 + 1)) == (0, 0)


@pytest.mark.real
def test_what_a_process_holds_is_read() -> None:
    block = b"x" * (40 << 20)
    for held in (memory.own(os.getpid()), memory.proportional(os.getpid())):
        assert len(block) < held < len(block) + 4 * GIB


def test_a_process_has_the_same_memory_as_itself_and_not_as_its_parent() -> None:
    if not kernel.same_memory(os.getpid(), os.getpid()):
        pytest.skip("this kernel does not say which processes share their memory")
    assert not kernel.same_memory(os.getpid(), os.getppid())
