"""What the demo shows: pictures, lines, and the end."""

import io
import math
import os
import pty
import re

import pytest

from labd.cli.render import Terminal, cells
from labd.demo.curve import FANCY, PLAIN
from labd.demo.frame import Picture, Told, fits, frame, minutes
from labd.demo.runs import MOST, Run, settings
from labd.demo.summary import Tools, beside, next_steps, results, verdict_lines
from labd.demo.views import Lines, Live, choose
from tests.cli.test_demo_verdict import GOOD

PLAIN_80 = Terminal(colour=False, width=80)


def runs(count: int = 8) -> list[Run]:
    found = [Run(job, setting) for job, setting in enumerate(settings(count), start=1)]
    for run in found[:2]:
        run.state, run.progress, run.loss, run.accuracy, run.seconds = "succeeded", 1.0, 0.02, 0.96, 5.5
        run.learning = [(i / 20, math.exp(-i)) for i in range(21)]
    for run in found[2:4]:
        run.state, run.progress, run.loss, run.accuracy, run.pid = "running", 0.5, 1.2e-4, 1.0, 4194304
    return found


def picture(count: int = 8, story: int = 30) -> Picture:
    told = [Told(i, f"sentence {i} " + "is long " * 20) for i in range(story)]
    return Picture(runs(count), 61.0, "daemon (pid 7) is up", True, told)


@pytest.mark.parametrize("count", [4, 8, 12])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_picture_fits_the_terminal(count: int, width: int) -> None:
    lines = frame(picture(count), Terminal(colour=False, width=width), 24, FANCY)
    assert len(lines) <= 23
    assert max(map(cells, lines)) <= width
    assert lines[0].startswith("labd demo:")
    assert lines[0].endswith("1:01")
    assert len([line for line in lines if "sentence 29" in line]) == 1


def test_a_table_at_80_columns_shows_every_column_whole() -> None:
    header, *rows = frame(picture(), PLAIN_80, 24, FANCY)[2:11]
    assert header.split() == ["RUN", "RATE", "HIDDEN", "STATE", "PID", "PROGRESS", "LOSS", "ACCURACY"]
    assert rows[2].split() == [
        "3",
        "0.01",
        "2",
        "running",
        "4194304",
        "███████░░░░░░░",
        "50%",
        "1.2e-04",
        "100.0%",
    ]


def test_columns_stay_where_they_are_from_picture_to_picture() -> None:
    before = [Run(job, setting) for job, setting in enumerate(settings(8), start=1)]
    heads = [frame(Picture(some, 0, "", True, []), PLAIN_80, 24, FANCY)[2] for some in (before, runs())]
    assert heads[0] == heads[1]


def test_small_terminals_get_lines() -> None:
    assert fits(8, 80, 24)
    assert fits(MOST, 80, 24)
    assert not fits(8, 80, 12)
    assert not fits(8, 50, 24)


def test_a_pipe_gets_lines_and_json_leaves_stdout_alone() -> None:
    assert isinstance(choose(io.StringIO(), 8, as_json=False), Lines)
    assert isinstance(choose(io.StringIO(), 8, as_json=True), Lines)


def test_a_line_carries_the_time_and_no_control_characters() -> None:
    stream = io.StringIO()
    Lines(stream).story("a\x1b[2Jb")
    assert stream.getvalue() == "0:00  a\\x1b[2Jb\n"


def _arrived(terminal: int, stream: io.TextIOWrapper) -> str:
    """All that was written so far, of which a terminal may hand over a part at a time."""
    stream.write("§")
    stream.flush()
    found = b""
    while not found.endswith("§".encode()):
        found += os.read(terminal, 65536)
    return found.decode()[:-1]


def test_a_live_screen_draws_over_itself_and_leaves_the_story() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        live = Live(stream)
        live.story("it begins")
        live.detail("not here")
        live.look(runs(4), "daemon (pid 7) is up", True)
        first = _arrived(ours, stream)
        live.close()
        last = _arrived(ours, stream)
    os.close(ours)
    assert "not here" not in first
    assert f"\x1b[{first.count(chr(10))}F" in last
    assert re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", last).split("\r\n") == ["0:00  it begins", ""]
    assert last.endswith("\x1b[?25h")


@pytest.mark.parametrize("ink", [FANCY, PLAIN])
def test_the_end_shows_runs_and_curve_side_by_side(ink: object) -> None:
    lines = results(runs(), 4000, PLAIN_80, ink)  # type: ignore[arg-type]
    assert len(lines) == 9
    assert max(map(cells, lines)) <= 80
    assert "Loss of run 1, the best (log)" in lines[0]
    assert lines[-1].split()[-3:] == ["epoch", "0", "4000"]


def test_on_a_narrow_terminal_the_curve_stands_below() -> None:
    lines = results(runs(), 4000, Terminal(width=60), PLAIN)
    assert len(lines) > 15
    assert max(map(cells, lines)) <= 60


def test_blocks_side_by_side_are_aligned_whatever_their_colour() -> None:
    assert beside(["\x1b[1mab\x1b[0m", "c"], ["x", "y", "z"]) == ["\x1b[1mab\x1b[0m   x", "c    y", "     z"]


def test_a_verdict_names_the_runs_or_what_was_untrue() -> None:
    assert "under runs 3 and 4" in verdict_lines([], GOOD, PLAIN_80)[1]
    assert verdict_lines(["the moon fell"], GOOD, PLAIN_80) == ["Not true: the moon fell"]
    assert verdict_lines(["x"], GOOD, Terminal(colour=True))[0].startswith("\x1b[31m")


def test_the_next_steps_are_commands_of_this_installation() -> None:
    tools = Tools("/opt/labd", "/opt/labctl")
    assert any("/opt/labd demo --keep" in line for line in next_steps(tools, runs()[0], "", 0, PLAIN_80))
    kept = next_steps(tools, runs()[0], "/tmp/a b", 77, PLAIN_80)
    assert "  export LABD_SOCKET='/tmp/a b'/run/labd.sock" in kept
    assert any("kill 77" in line and "rm -r '/tmp/a b'" in line for line in kept)
    long = next_steps(Tools("/opt/" + "x" * 70, "labctl"), runs()[0], "", 0, PLAIN_80)
    assert any("/opt/" + "x" * 70 + " demo --keep" in line for line in long)
    assert not any("#" in line for line in long)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3600, "60:00")])
def test_minutes(seconds: float, text: str) -> None:
    assert minutes(seconds) == text
