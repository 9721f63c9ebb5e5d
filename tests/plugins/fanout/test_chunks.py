"""How large chunks are, and how long a map still takes."""

import pytest

from labd.plugins.fanout.chunks import GROWTH, MOST, Sizer
from labd.plugins.fanout.crowd import Crowd
from labd.plugins.fanout.progress import WINDOW, Progress


def test_the_first_chunk_is_one_call_and_the_next_grow_to_a_tenth_of_a_second():
    sizer = Sizer()
    assert sizer.size(10_000, 2) == 1
    sizer.ran(1, 0.001)
    assert sizer.size(10_000, 2) == GROWTH
    sizer.ran(16, 0.016)
    assert sizer.size(10_000, 2) == 100


def test_calls_that_take_nothing_come_in_thousands_and_slow_ones_alone():
    sizer = Sizer()
    sizer.ran(MOST, 0.0)
    assert sizer.size(10**6, 2) == MOST
    for _ in range(20):
        sizer.ran(1, 5.0)
    assert sizer.size(10**6, 2) == 1


def test_towards_the_end_every_worker_gets_its_part():
    sizer = Sizer()
    sizer.ran(1000, 0.001)
    assert sizer.size(100, 4) == 13
    assert sizer.size(1, 4) == 1


def test_the_rate_is_that_of_the_last_while():
    progress = Progress(0.0, 0)
    assert (progress.rate(1.0), progress.eta(1.0, 10)) == (None, None)
    for second in range(1, 200):
        progress.note(float(second), min(second, 100) + max(second - 100, 0) * 5)
    assert progress.rate(199.0) == pytest.approx(5.0)
    assert progress.eta(199.0, 50) == pytest.approx(10.0)
    assert len(progress._seen) < WINDOW + 3


def test_a_map_with_many_workers_gives_way_to_one_that_waits():
    crowd = Crowd()
    held = [crowd.place(1) for _ in range(4)]
    for place in held:
        place.taken()
    assert not crowd.give_way(1)
    waits = crowd.place(2)
    assert crowd.give_way(1)
    held.pop().__exit__()
    assert crowd.give_way(1)
    held.pop().__exit__()
    waits.taken()
    assert (crowd.give_way(1), crowd.give_way(2)) == (False, False)
    assert (crowd.workers(1), crowd.workers(2)) == (2, 1)
    with crowd.place(3):
        pass
    assert not crowd.give_way(1)
