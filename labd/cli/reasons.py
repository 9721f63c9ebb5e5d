"""Why a job waits, and who has what it waits for, in 80 columns."""

from typing import Any

from labd.cli.refs import title
from labd.cli.render import Terminal, cells, cut, safe
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
    term = term._replace(width=WIDTH if term.width is None else min(term.width, WIDTH))
    lines = [
        line for text in _said(reply["job"], reply["reasons"]) for line in _wrapped(text, term.width or WIDTH)
    ]
    queued = reply["job"]["state"] == "queued"  # in other states it is no resource that it waits for
    found = sorted(reply["held_by"], key=_end) if queued else []
    if found:
        lines += ["", *table(_HOLDERS, [_holder(one, now) for one in found[:MOST]], term)]
    return [*lines, f"and {len(found) - MOST} more"] if len(found) > MOST else lines


def _said(job: Job, reasons: list[str]) -> list[str]:
    """A sentence for each reason, under the job's whole name."""
    name, known = title(job), f"job {job['id']} "
    if job["state"] in ENDED:
        return [f"{name} {outcome(job)}"]
    said = [f"{name} {text.removeprefix(known)}" if text.startswith(known) else text for text in reasons]
    return said or [f"{name} is {job['state']}"]


def _wrapped(text: str, width: int) -> list[str]:
    lines: list[str] = []
    for word in safe(f"{text[:1].upper()}{text[1:]}.").split():
        if lines and cells(lines[-1]) + 1 + cells(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(cut(word, width))
    return lines


def _end(one: dict[str, Any]) -> float:
    return float("inf") if one.get("ends") is None else float(one["ends"])


def _part(one: dict[str, Any]) -> str:
    """``0.25 of ``, ``8G of ``: nothing for whole GPUs."""
    share = f"{one['gpus']:g}" if (one.get("gpus") or 0) % 1 else ""
    vram = memory(one["vram"]) if one.get("vram") else ""
    part = "+".join(text for text in (share, vram) if text)
    return f"{part} of " if part else ""


def _holder(one: dict[str, Any], now: float) -> list[Cell]:
    end = one.get("ends")
    return [
        Cell(one["holder"]),
        Cell(f"{one['cpus']:g}" if one.get("cpus") else ""),
        Cell(memory(one["memory"]) if one.get("memory") else ""),
        Cell(_part(one) + ",".join(map(str, one.get("gpu_ids") or ()))),
        Cell("unknown" if end is None else f"{clock(end)} ({ago(end, now)})"),
    ]
