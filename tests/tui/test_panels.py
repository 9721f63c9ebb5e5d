"""Panels of plugins, behind their wall."""

import sys
import time
from typing import Any

import pytest

from labd.tui.panels import MOST_LINES, MOST_TEXT, Contained
from labd.tui.text import plain


class Panel:
    title = "Dice"
    topics = ("dice.*",)

    def __init__(self, draw: Any) -> None:
        self.draw = draw


def drawn(draw: Any) -> tuple[list[str], str]:
    panel = Contained("dice", lambda: Panel(draw))
    panel.begin()
    lines = panel.draw({}, 80, 24)
    return [plain(one) for one in lines], panel.error


def test_a_panel_is_drawn():
    assert drawn(lambda answers, width, height: ["a", [("b", "good"), "c"]]) == (["a", "bc"], "")


@pytest.mark.parametrize(
    ("result", "wrong"),
    [("text", "not a list"), (None, "not a list"), ([3], "TypeError"), ([[("a", "b", "c")]], "ValueError")],
)
def test_what_is_no_picture(result: Any, wrong: str):
    lines, error = drawn(lambda answers, width, height: result)
    assert not lines
    assert wrong in error


def test_bounds_and_escapes():
    lines, error = drawn(lambda answers, width, height: ["x" * 10_000, "\x1b[2J", *["y"] * 100_000])
    assert not error
    assert (len(lines), len(lines[0]), lines[1]) == (MOST_LINES, MOST_TEXT, "\\x1b[2J")


def test_exits_and_endless_loops_are_errors():
    def forever(answers: Any, width: int, height: int) -> None:
        while True:
            time.sleep(0.001)

    assert "SystemExit" in drawn(lambda answers, width, height: sys.exit(3))[1]
    assert "TooSlow" in drawn(forever)[1]


def test_one_that_cannot_be_imported_says_so_and_can_be_tried_again():
    tries: list[int] = []

    def load() -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise ImportError("no dice")
        return Panel(lambda answers, width, height: ["fine"])

    panel = Contained("dice", load)
    panel.begin()
    assert panel.error == "ImportError: no dice"
    assert panel.draw({}, 80, 24) == []
    panel.begin()
    assert (panel.error, panel.title) == ("", "Dice")
    assert panel.wants("dice.rolled")
    assert not panel.wants("job.held")
