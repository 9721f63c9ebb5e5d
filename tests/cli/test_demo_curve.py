"""The curve that the demo draws."""

import math

import pytest

from labd.demo.curve import FANCY, PLAIN, bar, draw, ink_for, plot, steep

FALLING = [(i / 20, math.exp(-i / 2)) for i in range(21)]


def test_a_straight_line_is_a_diagonal_of_asterisks() -> None:
    rows = draw([(0.0, 0.0), (1.0, 3.0)], 4, 4, PLAIN)
    assert rows == ["   *", "  * ", " *  ", "*   "]


def test_a_straight_line_is_a_diagonal_of_dots() -> None:
    assert draw([(0.0, 0.0), (1.0, 1.0)], 2, 1, FANCY) == ["⡠⠊"]


def test_a_steep_fall_has_no_gaps() -> None:
    rows = draw([(0.0, 9.0), (0.5, 9.0), (0.51, 0.0), (1.0, 0.0)], 20, 6, PLAIN)
    assert all("*" in row for row in rows)


def test_what_does_not_change_is_a_level_line() -> None:
    rows = draw([(0.0, 2.0), (1.0, 2.0)], 5, 3, PLAIN)
    assert [row.strip() for row in rows] == ["", "*****", ""]


def test_points_stand_where_they_were_measured() -> None:
    rows = draw([(0.0, 1.0), (0.1, 0.0), (1.0, 0.0)], 20, 2, PLAIN)
    assert rows[1].count("*") >= 18


@pytest.mark.parametrize("ink", [FANCY, PLAIN])
@pytest.mark.parametrize(("width", "height"), [(24, 4), (36, 9), (80, 20)])
def test_a_plot_keeps_to_its_size_and_names_its_ends(ink: object, width: int, height: int) -> None:
    lines = plot(FALLING, width, height, ink, ("epoch 0", "4000"))  # type: ignore[arg-type]
    assert len(lines) == height
    assert max(map(len, lines)) <= width
    assert lines[0].split()[0] == "1"
    assert lines[-1].split() == ["epoch", "0", "4000"]


def test_without_two_points_there_is_no_plot() -> None:
    assert plot([], 30, 8, PLAIN) == plot([(0.0, 1.0)], 30, 8, PLAIN) == []


def test_plain_ink_is_ascii_alone() -> None:
    assert "".join(plot(FALLING, 36, 9, PLAIN)).isascii()
    assert bar(0.5, 10, PLAIN) == "#####....."


@pytest.mark.parametrize(
    ("encoding", "ink"), [("utf-8", FANCY), ("ascii", PLAIN), ("latin-1", PLAIN), (None, PLAIN), ("?", PLAIN)]
)
def test_the_encoding_chooses_the_ink(encoding: str | None, ink: object) -> None:
    assert ink_for(encoding) is ink


@pytest.mark.parametrize(
    ("share", "shown"), [(-1, "...."), (0, "...."), (0.5, "##.."), (1, "####"), (7, "####")]
)
def test_a_bar_stays_in_its_bounds(share: float, shown: str) -> None:
    assert bar(share, 4, PLAIN) == shown


@pytest.mark.parametrize(
    ("values", "log"), [([1, 0.01], True), ([1, 0.5], False), ([1, 0], False), ([], False)]
)
def test_only_large_ratios_are_logarithmic(values: list[float], log: bool) -> None:
    assert steep(values) is log
