"""The picture of ``labctl top``: the machine, what runs, what waits. Pure."""

from typing import Any

from labd.cli import view
from labd.cli.machine import headline
from labd.cli.render import Terminal, cut, safe
from labd.cli.table import Cell, Column, table
from labd.cli.view import Job

_RUNNING = [
    Column("RUNS", right=True), Column("NAME", least=8), Column("USER", least=6), Column("STATE"),
    Column("TAKES"), Column("ELAPSED", right=True), Column("ETA", right=True), Column("PROGRESS"),
    Column("METRICS", least=8),
]  # fmt: skip
_WAITING = [
    Column("WAITS", right=True), Column("NAME", least=8), Column("USER", least=6), Column("TAKES"),
    Column("FOR", least=24),
]  # fmt: skip
_METRICS = 3
"""Metrics of a job that are shown."""

_LEAST = 4
"""Lines for jobs that wait, on however small a screen."""


def board(
    daemon: dict[str, Any], jobs: list[Job], term: Terminal, height: int | None, now: float
) -> list[str]:
    """The lines; no more than *height*, where that is given."""
    head = [*headline(daemon, term), *_gpus(daemon.get("resources") or {}, term)]
    active = [job for job in jobs if job["state"] in view.ACTIVE]
    waiting = [job for job in jobs if job["state"] in view.WAITING]
    room = 10_000 if height is None else max(height - len(head) - 2, 2)
    below = table(_WAITING, [_waiting(job, now) for job in waiting], term)
    above = table(_RUNNING, [_running(job, now) for job in active], term)
    above = _cut(above, room - min(len(below), _LEAST), "run")
    below = _cut(below, room - len(above), "wait")
    return [*head, "", *(above or ["Nothing runs."]), *([""] if below else []), *below][:height]


def _cut(lines: list[str], room: int, verb: str) -> list[str]:
    """A table in *room* lines; what is left out is counted."""
    if len(lines) <= room:
        return lines
    kept = max(room - 1, 1)
    return [*lines[:kept], f"... and {len(lines) - kept} more that {verb}"]


def _gpus(has: dict[str, Any], term: Terminal) -> list[str]:
    """Who holds which GPU."""
    held = {str(index): holder for index, holder in (has.get("gpus_held") or {}).items()}
    parts = [f"GPU {index} {safe(str(held.get(str(index), 'free')))}" for index in has.get("gpus") or ()]
    text = "   ".join(parts)
    return [text if term.width is None else cut(text, term.width)] if parts else []


def _running(job: Job, now: float) -> list[Cell]:
    return [
        Cell(str(job["id"])),
        Cell(job.get("name") or ""),
        Cell(job.get("user") or ""),
        Cell("" if job["state"] == "running" else job["state"], view.STYLES[job["state"]]),
        Cell(view.resources(job)),
        Cell(view.elapsed(job, now)),
        Cell(view.left(job)),
        Cell(view.progress(job), "green"),
        Cell(_metrics(job.get("metrics") or {})),
    ]


def _metrics(found: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.4g}" for name, value in list(found.items())[:_METRICS])


def _waiting(job: Job, now: float) -> list[Cell]:
    return [
        Cell(str(job["id"]), view.STYLES[job["state"]]),
        Cell(job.get("name") or ""),
        Cell(job.get("user") or ""),
        Cell(view.resources(job)),
        Cell(view.info(job, now)),
    ]
