"""One picture of the running demo: the table of runs, the daemon, what has happened. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from labd.cli.render import Terminal, cut
from labd.cli.table import Cell, Column, table
from labd.cli.view import STYLES
from labd.demo.curve import Ink, bar
from labd.demo.runs import Run

BAR = 14
LEAST_STORY = 3
AROUND = 7
"""Lines of a picture beside the runs and the story, the cursor's included."""

_COLUMNS = [
    Column("RUN", right=True), Column("RATE", right=True), Column("HIDDEN", right=True), Column("STATE"),
    Column("PID", right=True), Column("PROGRESS"), Column("LOSS", right=True), Column("ACCURACY", right=True),
]  # fmt: skip


class Told(NamedTuple):
    """One sentence of the story, and when it happened, in seconds since the start."""

    seconds: float
    text: str


class Picture(NamedTuple):
    """What is to be seen."""

    runs: Sequence[Run]
    seconds: float
    daemon: str
    up: bool
    story: Sequence[Told]


def frame(picture: Picture, term: Terminal, height: int, ink: Ink) -> list[str]:
    """The lines of *picture*, at most *height* of them less one, none wider than *term*."""
    room = max(height - AROUND - len(picture.runs), LEAST_STORY)
    width = term.width or 80
    head = f"labd demo: {len(picture.runs)} training runs, two at a time"
    clock = minutes(picture.seconds)
    return [
        term.paint(cut(head.ljust(width - len(clock)), width - len(clock)), "bold") + clock,
        "",
        *table(_COLUMNS, [row(run, ink) for run in picture.runs], term),
        "",
        term.paint(cut(picture.daemon, width), "green" if picture.up else "red"),
        "",
        *(cut(sentence(told), width) for told in picture.story[-room:]),
    ]


def fits(runs: int, columns: int, lines: int) -> bool:
    """Whether a picture of so many *runs* can be shown in a terminal of that size."""
    return columns >= 60 and lines >= runs + AROUND + LEAST_STORY


def row(run: Run, ink: Ink) -> list[Cell]:
    """Cells of one width throughout: a table that is drawn over itself must not breathe."""
    share = 1.0 if run.succeeded else run.progress
    shown = "" if share is None else f"{bar(share, BAR, ink)} {share:4.0%}"
    return [
        Cell(str(run.job)),
        Cell(f"{run.setting.rate:g}"),
        Cell(str(run.setting.hidden)),
        Cell(run.state.replace("_", " ").ljust(9), STYLES.get(run.state, "")),
        Cell((str(run.pid) if run.pid and not run.ended else "").rjust(7), "cyan"),
        Cell(shown.ljust(BAR + 5), "green" if run.running else ""),
        Cell(run.loss_text.rjust(7)),
        Cell(run.accuracy_text.rjust(8)),
    ]


def sentence(told: Told) -> str:
    return f"{minutes(told.seconds)}  {told.text}"


def minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
