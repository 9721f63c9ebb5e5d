"""Thinned curves: a bounded number of points that keep the ends and every extreme."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from labd.jobs.series import Series

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=500)


def series(found: list[float], most: int) -> Series:
    made = Series(most)
    for index, value in enumerate(found):
        made.add(float(index), None, value)
    return made


@given(values, st.integers(4, 50))
def test_ends_and_extremes_stay_and_the_size_is_bounded(found, most):
    points = series(found, most).points()
    kept = [point.value for point in points]
    assert len(points) <= most
    assert [point.step for point in points] == sorted({point.step for point in points})
    assert all(found[int(point.step)] == point.value for point in points)
    assert (kept[0], kept[-1]) == (found[0], found[-1])
    assert (min(kept), max(kept)) == (min(found), max(found))


@given(values)
def test_what_fits_is_not_thinned(found):
    assert [point.value for point in series(found, len(found) + 3).points()] == found


def test_the_extremes_of_every_part_are_kept():
    found = [math.sin(i / 1000) + (5.0 if i == 5000 else 0.0) for i in range(100_000)]
    points = series(found, 200).points()
    assert 5000 in {int(point.step) for point in points}
    assert len(points) > 90
    widest = max(b.step - a.step for a, b in pairwise(points))
    assert widest <= 2 * 100_000 / 50


def test_what_is_not_finite_is_counted_and_left_out():
    made = series([1.0, 2.0], 10)
    for value in (None, math.nan, math.inf, -math.inf):
        made.add(9.0, 1.0, value)
    assert made.as_map() == {
        "steps": [0.0, 1.0], "times": [None, None], "values": [1.0, 2.0], "count": 2, "not_finite": 4,
    }  # fmt: skip
