"""Why a job waits, and who has what it waits for, in 80 columns."""

from typing import Any

from labd.cli.refs import title
from labd.cli.render import Terminal, safe
from labd.cli.table import Cell, Column, table
from labd.cli.times import ago, clock
from labd.cli.view import ENDED, Job, memory, outcome

WIDTH = 80
"""Cells of a line, on wider terminals and in pipes as well: this is prose."""

MOST = 10
"""Holders that are shown: those that end first."""

_HOLDERS = [
    Column("HELD BY", least=12), Column("CORES", right=True), Column("MEMORY", right=True),
    Column("GPUS", least=4), Column("ENDS BY"),
]  # fmt: skip


def explained(reply: dict[str, Any], term: Terminal, now: float) -> list[str]:
    """What ``job.why`` answered."""
    lines = _said(reply["job"], reply["reasons"])
    found = sorted(reply.get("held_by") or (), key=_end)
    if not found:
        return lines
    lines += ["", *_held(found[:MOST], term, now)]
    return [*lines, f"and {len(found) - MOST} more"] if len(found) > MOST else lines


def _said(job: Job, reasons: list[str]) -> list[str]:
    """A sentence for each reason, under the job's whole name."""
    name = title(job)
    if job["state"] in ENDED:
        return _wrapped(f"{name} {outcome(job)}")
    known = f"job {job['id']} "
    said = [f"{name} {text.removeprefix(known)}" if text.startswith(known) else text for text in reasons]
    return [line for text in said or [f"{name} is {job['state']}"] for line in _wrapped(text)]


def _wrapped(text: str) -> list[str]:
    from textwrap import wrap

    return wrap(safe(f"{text[:1].upper()}{text[1:]}."), WIDTH, break_on_hyphens=False)


def _end(one: dict[str, Any]) -> float:
    return float("inf") if one.get("ends") is None else float(one["ends"])


def _held(found: list[dict[str, Any]], term: Terminal, now: float) -> list[str]:
    width = WIDTH if term.width is None else min(term.width, WIDTH)
    return table(_HOLDERS, [_holder(one, now) for one in found], term._replace(width=width))


def _holder(one: dict[str, Any], now: float) -> list[Cell]:
    end = one.get("ends")
    return [
        Cell(one["holder"]),
        Cell(f"{one['cpus']:g}" if one.get("cpus") else ""),
        Cell(memory(one["memory"]) if one.get("memory") else ""),
        Cell(",".join(map(str, one.get("gpu_ids") or ()))),
        Cell("unknown" if end is None else f"{clock(end)} ({ago(end, now)})"),
    ]
