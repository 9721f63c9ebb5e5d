"""Ranges of shared memory never overlap, and all come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.workers.arena import ALIGN, Arena


@given(st.lists(st.one_of(st.integers(1, 3000), st.none())))
def test_ranges_never_overlap_and_all_come_back(steps):
    arena, held = Arena(8192), {}
    for step in steps:
        if step is not None and (start := arena.take(step)) is not None:
            assert start % ALIGN == 0
            assert start + step <= 8192
            assert all(start + step <= other or other + size <= start for other, size in held.items())
            held[start] = step
        elif held:
            arena.give(start := next(iter(held)))
            del held[start]
    for start in held:
        arena.give(start)
    assert (arena.held, arena.take(8192)) == (0, 0)


def test_what_nobody_holds_cannot_be_given_back():
    arena = Arena(1024)
    start = arena.take(10)
    arena.give(start)
    with pytest.raises(KeyError):
        arena.give(start)
    assert Arena(0).take(1) is None
