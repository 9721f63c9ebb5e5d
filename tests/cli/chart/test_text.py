"""Panels in a terminal: golden pictures, and nothing outside of the screen."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.cli.chart.panel import Curve, Panel
from labd.cli.chart.text import FANCY, PLAIN, ink_for, lines
from labd.cli.render import Terminal, cells

FALLING = Curve("12 train", [(float(n), 2 * math.exp(-n / 20)) for n in range(100)])
RISING = Curve("13 sweep", [(float(n), n / 50) for n in range(100)])

GOLDEN = """\
loss
2 ┤⢱
  │ ⠱⡀
  │  ⠘⢄
1 ┤   ⠈⠱⢄
  │     ⠈⠓⢄⡀
  │        ⠈⠑⠢⠤⣀⡀
  │             ⠉⠉⠑⠒⠒⠢⠤⠤⠤⠤⠤⢄⣀⣀⣀⣀⣀⣀⣀⣀
  └┬───────────────┬────────────────
   0              50            step
"""

GOLDEN_PLAIN = """\
both
* 12 train   + 13 sweep
2 +*                             +++
  | **                      +++++
  |  **               ++++++
1 +    **        ++++++
  |      **++++++
  |   ++++++********
0 +++++            *****************
  ++---------------+----------------
   0              50            step
"""


def drawn(panel: Panel, term: Terminal, width: int = 36, height: int = 10, ink: object = FANCY) -> str:
    return "\n".join([*lines(panel, term, width, height, ink), ""])  # type: ignore[arg-type]


def test_one_curve_is_drawn_in_braille() -> None:
    assert drawn(Panel("loss", [FALLING]), Terminal()) == GOLDEN


def test_several_without_colours_are_told_apart_by_marks() -> None:
    assert drawn(Panel("both", [FALLING, RISING]), Terminal(), ink=PLAIN) == GOLDEN_PLAIN
    assert "⠉" not in drawn(Panel("both", [FALLING, RISING]), Terminal())


def test_with_colours_braille_stays() -> None:
    shown = drawn(Panel("both", [FALLING, RISING]), Terminal(colour=True))
    assert "\x1b[36m━\x1b[0m 12 train" in shown
    assert "\x1b[33m" in shown
    assert any(0x2800 < ord(char) < 0x2900 for char in shown)


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("height", [1, 10, 40])
def test_nothing_is_wider_or_higher_than_it_may_be(width: int, height: int) -> None:
    curves = [FALLING._replace(label="名前" * 9), RISING, *[RISING] * 9]
    shown = lines(Panel("a name that is long " * 9, curves), Terminal(), width, height, FANCY)
    assert max(map(cells, shown)) <= width
    assert len(shown) <= max(height, 7) + 1


points = st.lists(
    st.tuples(st.floats(-1e15, 1e15), st.floats(allow_nan=False, allow_infinity=False, width=64)), min_size=1
)


@given(points, st.booleans(), st.booleans())
def test_any_points_can_be_drawn(places: list[tuple[float, float]], log: bool, seconds: bool) -> None:
    panel = Panel("x", [Curve("a", places)], log, seconds)
    assert not any(panel.drawn) or max(map(cells, lines(panel, Terminal(), 60, 10, FANCY))) <= 60


def test_a_title_cannot_steer_the_terminal() -> None:
    panel = Panel("\x1b[2J", [FALLING._replace(label="\x1b[1m"), RISING])
    assert "\x1b" not in drawn(panel, Terminal())


def test_what_is_not_above_0_is_left_out_of_a_logarithm() -> None:
    panel = Panel("loss", [Curve("a", [(0.0, 0.0), (1.0, 1.0), (2.0, -1.0)])], log=True)
    assert panel.left_out == 2
    assert drawn(panel, Terminal()).startswith("loss (log)\n")


@pytest.mark.parametrize(
    ("encoding", "ink"), [("utf-8", FANCY), ("ascii", PLAIN), (None, PLAIN), ("x", PLAIN)]
)
def test_the_encoding_decides_on_the_characters(encoding: str | None, ink: object) -> None:
    assert ink_for(encoding) == ink
