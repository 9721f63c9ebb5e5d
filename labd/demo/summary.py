"""What the demo says at the end. Pure."""

import re
import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple

from labd.cli.render import Terminal, cells, cut
from labd.cli.table import Cell, Column, table
from labd.cli.times import span
from labd.demo.curve import Ink, plot, steep
from labd.demo.runs import Run, ranked
from labd.demo.verdict import Facts

GAP = "   "
WIDTH = 80
"""Cells of a line where there is no terminal to say."""

LEAST_CURVE = 24

_COLUMNS = [
    Column("RUN", right=True), Column("RATE", right=True), Column("HIDDEN", right=True),
    Column("LOSS", right=True), Column("ACCURACY", right=True), Column("TOOK", right=True),
]  # fmt: skip
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Tools(NamedTuple):
    """How labd's two programs are called from here."""

    labd: str
    labctl: str


def results(runs: Sequence[Run], epochs: int, term: Terminal, ink: Ink) -> list[str]:
    """The runs by accuracy, and beside them how the best one learnt."""
    best_first = ranked(runs)
    left = table(_COLUMNS, [_row(run, run is best_first[0]) for run in best_first], term)
    room = (term.width or WIDTH) - _width(left) - len(GAP)
    apart = room < LEAST_CURVE
    right = _learning(
        best_first[0], epochs, room + (_width(left) if apart else 0), max(len(left), 8), term, ink
    )
    return [*left, "", *right] if apart else beside(left, right)


def beside(left: list[str], right: list[str]) -> list[str]:
    """Two blocks of lines as one."""
    width = _width(left)
    count = max(len(left), len(right))
    pairs = zip(_filled(left, count), _filled(right, count), strict=True)
    return [(a + " " * (width - cells(_bare(a))) + GAP + b).rstrip() for a, b in pairs]


def verdict_lines(wrong: list[str], facts: Facts, term: Terminal) -> list[str]:
    """What was true, in one sentence, or each thing that was not."""
    if wrong:
        return [term.paint(f"Not true: {text}", "red") for text in wrong]
    struck = " and ".join(map(str, facts.struck))
    return [
        term.paint(f"All {len(facts.runs)} runs succeeded, each in one attempt.", "green"),
        term.paint(f"The daemon was killed under runs {struck}; the same processes went on.", "green"),
    ]


def next_steps(tools: Tools, best: Run, kept: str, pid: int, term: Terminal) -> list[str]:
    """Commands to go on with; *kept* is the folder of a daemon that goes on as *pid*, if it was kept."""
    if not kept:
        return [
            "The folder of this demo, with its logs, is removed. To go on:",
            *_commands([
                (f"{tools.labd} demo --keep", "the same, and the daemon stays"),
                (f"{tools.labd} &", "a daemon of your own"),
                (f"{tools.labctl} submit -- python train.py", "and a job for it"),
            ], term),
        ]  # fmt: skip
    folder = shlex.quote(kept)
    return [
        f"The daemon goes on (pid {pid}). Logs are in {folder}/state/jobs",
        f"  export LABD_SOCKET={folder}/run/labd.sock",
        *_commands([
            (f"{tools.labctl} status --all", "all runs"),
            (f"{tools.labctl} show {best.job}", "the best one"),
            (f"{tools.labctl} logs {best.job}", "what it printed"),
            (f"{tools.labctl} events --since 0", "all that happened"),
            (f"kill {pid}; sleep 1; rm -r {folder}", "ends it"),
        ], term),
    ]  # fmt: skip


def as_json(facts: Facts, wrong: list[str], runs: Sequence[Run], seconds: float, kept: str) -> dict[str, Any]:
    """The whole demo as one object."""
    best = ranked(runs)[0] if runs else None
    return {
        "ok": not wrong,
        "untrue": wrong,
        "seconds": round(seconds, 3),
        "best": best.job if best and best.succeeded else None,
        "runs": [_record(run, facts) for run in runs],
        "daemon": {
            "killed": facts.death._asdict() if facts.death else None,
            "successor": facts.successor,
            "same_state": facts.epochs[0] == facts.epochs[1],
        },
        "kept": kept or None,
        "socket": f"{kept}/run/labd.sock" if kept else None,
    }


def _record(run: Run, facts: Facts) -> dict[str, Any]:
    found = next((s for s in facts.survivors if s.job == run.job), None)
    return {
        "job": run.job,
        "name": run.setting.name,
        "params": run.setting._asdict(),
        "state": run.state,
        "attempts": run.attempt,
        "loss": run.loss,
        "accuracy": run.accuracy,
        "seconds": run.seconds,
        "without_daemon": found._asdict() if found else None,
    }


def _row(run: Run, best: bool) -> list[Cell]:
    style = "red" if not run.succeeded else "bold" if best else ""
    texts = (
        str(run.job), f"{run.setting.rate:g}", str(run.setting.hidden),
        run.loss_text,
        run.accuracy_text if run.succeeded else run.state,
        "" if run.seconds is None else span(run.seconds),
    )  # fmt: skip
    return [Cell(text, style) for text in texts]


def _learning(run: Run, epochs: int, width: int, height: int, term: Terminal, ink: Ink) -> list[str]:
    drawn = plot(run.learning, width, height - 1, ink, ("epoch 0", str(epochs)))
    scale = " (log)" if steep([loss for _, loss in run.learning]) else ""
    return [term.paint(cut(f"Loss of run {run.job}, the best{scale}", width), "dim"), *drawn] if drawn else []


def _commands(pairs: list[tuple[str, str]], term: Terminal) -> list[str]:
    """A command a line, whole, and what it is for where there is room."""
    width = max(len(command) for command, _ in pairs)
    lines = [f"  {command:<{width}}  # {why}" for command, why in pairs]
    return lines if _width(lines) <= (term.width or WIDTH) else [f"  {command}" for command, _ in pairs]


def _width(lines: list[str]) -> int:
    return max((cells(_bare(line)) for line in lines), default=0)


def _bare(text: str) -> str:
    return _COLOURS.sub("", text)


def _filled(lines: list[str], count: int) -> list[str]:
    return lines + [""] * (count - len(lines))
