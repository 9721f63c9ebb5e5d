"""Ticks stand at round values within the axis, not too many of them."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from labd.cli.chart.scale import Scale, fit


def texts(scale: Scale, most: int) -> list[str]:
    return [text for _, text in scale.ticks(most)]


@pytest.mark.parametrize(
    ("scale", "most", "shown"),
    [
        (Scale(0, 1), 6, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (Scale(0, 1), 3, ["0.0", "0.5", "1.0"]),
        (Scale(-3, 260), 4, ["0", "100", "200"]),
        (Scale(0.00021, 0.00098), 5, ["0.0004", "0.0006", "0.0008"]),
        (Scale(0, 3e7), 4, ["0", "1e+07", "2e+07", "3e+07"]),
        (Scale(0.001, 5, log=True), 5, ["0.001", "0.01", "0.1", "1"]),
        (Scale(0.4, 6, log=True), 9, ["0.5", "1", "2", "5"]),
        (Scale(2.0, 3.0, log=True), 6, ["2.0", "2.2", "2.4", "2.6", "2.8", "3.0"]),
        (Scale(1e-12, 1e12, log=True), 5, ["1e-12", "1e-07", "0.01", "1000", "1e+08"]),
        (Scale(0, 400, seconds=True), 8, ["0", "1m", "2m", "3m", "4m", "5m", "6m"]),
        (Scale(0, 12_000, seconds=True), 5, ["0", "1h", "2h", "3h"]),
        (Scale(0, 8_000, seconds=True), 6, ["0", "30m", "1h", "1h30m", "2h"]),
        (Scale(0, 0.5, seconds=True), 6, ["0", "0.1s", "0.2s", "0.3s", "0.4s", "0.5s"]),
        (Scale(0, 900_000, seconds=True), 6, ["0", "5d", "10d"]),
    ],
)  # fmt: skip
def test_ticks(scale: Scale, most: int, shown: list[str]) -> None:
    assert texts(scale, most) == shown


numbers = st.floats(-1e12, 1e12)


@given(numbers, numbers, st.integers(2, 20), st.booleans(), st.booleans())
def test_ticks_lie_on_the_axis_in_order_and_are_few(
    one: float, other: float, most: int, log: bool, seconds: bool
) -> None:
    assume(abs(one - other) > 1e-6 * max(abs(one), abs(other), 1e-6))
    scale = fit([one, other], log=log, seconds=seconds and not log)
    ticks = [value for value, _ in scale.ticks(most)]
    assert len(ticks) <= most + 1
    assert ticks == sorted(ticks)
    assert all(-1e-6 <= scale.place(value) <= 1 + 1e-6 for value in ticks)


@given(st.lists(st.floats(-1e200, 1e200), max_size=20), st.booleans())
def test_every_value_has_a_place(values: list[float], log: bool) -> None:
    values = [value for value in values if not log or value > 1e-200]
    scale = fit(values, log=log)
    assert scale.low < scale.high
    assert all(-1e-9 <= scale.place(value) <= 1 + 1e-9 for value in values)


def test_one_value_alone_stands_in_the_middle() -> None:
    assert fit([5.0]).place(5.0) == 0.5
    assert fit([0.0]).place(0.0) == 0.5
    assert fit([5.0], log=True).place(5.0) == pytest.approx(0.5)


def test_the_smallest_and_the_largest_numbers_have_an_axis():
    for values in ([5e-324], [5e-324, 1.0], [1.7e308], [1.0, 1.7e308]):
        assert fit(values, log=True).ticks(4)
