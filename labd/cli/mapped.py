"""Maps on the screen: a row, a sentence, and the stream of their results with a bar beside it."""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from labd.cli import output, view
from labd.cli.refs import Calls
from labd.cli.render import safe
from labd.cli.table import Cell, Column
from labd.cli.times import ago, span

WAIT = 0.5
"""Seconds that the daemon keeps a question about more results, so that the bar moves."""

COLUMNS = [
    Column("MAP", right=True), Column("NAME", least=12), Column("USER"), Column("STATE"),
    Column("DONE", right=True), Column("FAILED", right=True), Column("RATE", right=True),
    Column("LEFT", right=True), Column("AGE"), Column("INFO", least=20),
]  # fmt: skip


STANDS = {"open": "waits for its arguments", "running": "runs", "cancelled": "was cancelled"}


def row(one: dict[str, Any], now: float) -> list[Cell]:
    """A map in the table of ``labctl maps``."""
    return [
        Cell(str(one["id"])), Cell(one["name"] or one["function"]), Cell(one["user"]),
        Cell(one["state"], view.STYLES.get(one["state"], "")),
        Cell(f"{one['succeeded'] + one['failed']}/{one['total']}"), Cell(str(one["failed"] or "")),
        Cell(f"{one['rate']:.3g}/s" if one["rate"] else ""),
        Cell(span(one["eta"]) if one["eta"] is not None else ""), Cell(ago(one["created"], now)),
        Cell(one["reason"]),
    ]  # fmt: skip


def sentence(one: dict[str, Any]) -> str:
    """How a map ended, or stands, in a sentence."""
    done, total = one["succeeded"] + one["failed"], one["total"]
    parts = [f"{done} of {total} calls done"]
    if one["failed"]:
        parts.append(f"{one['failed']} failed")
    if one["repeated"]:
        parts.append(f"{one['repeated']} repeated")
    why = f": {one['reason']}" if one["reason"] and done < total else ""
    return safe(f"Map {one['id']} {STANDS.get(one['state'], one['state'])}{why}: {', '.join(parts)}.")


class Bar:
    """One line on stderr that is drawn over itself; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._shown = False

    def draw(self, one: dict[str, Any]) -> None:
        if not self._on:
            return
        done = one["succeeded"] + one["failed"]
        more = f" {one['rate']:.3g}/s" if one["rate"] else ""
        more += f", {span(one['eta'])} left" if one["eta"] is not None else ""
        more += f", {one['failed']} failed" if one["failed"] else ""
        shown = view.bar(done / max(one["total"], 1))
        sys.stderr.write(f"\r{shown} {done}/{one['total']}{more}\x1b[K")
        sys.stderr.flush()
        self._shown = True

    def clear(self) -> None:
        """Make room for a line."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False


def stream(calls: Calls, number: int | str, method: str, bar: Bar, *, wait: bool) -> Iterator[bytes]:
    """The lines of ``map.results`` or ``map.logs``; with *wait* until the map has ended."""
    offset, rest, why = 0, b"", ""
    while True:
        ask = {"map": number, "offset": offset, "wait": WAIT if wait else 0}
        answer = calls.call(method, ask)
        offset, data = answer["offset"], answer["data"]
        *lines, rest = (rest + data).split(b"\n")
        if lines:
            bar.clear()
        yield from lines
        if answer["ended"] or not (data or wait):
            return
        bar.draw(answer["map"])
        why = _said(answer["map"], why)


def _said(one: dict[str, Any], before: str) -> str:
    """Say why a map waits, once."""
    if one["reason"] and one["reason"] != before and one["state"] == "running":
        output.say(safe(f"Map {one['id']} waits: {one['reason']}"))
    return str(one["reason"])


def failed(line: bytes) -> bool:
    """Whether a line of results is an error."""
    return "error" in json.loads(line)


def values(line: bytes, grouped: bool) -> Iterator[str]:
    """Only the result of a line, as JSON; a list a line an element unless they are *grouped*."""
    found = json.loads(line)
    if "error" in found:
        return
    result = found["result"]
    for each in result if isinstance(result, list) and not grouped else [result]:
        yield output.encode(each)


def wait_ended(calls: Calls, number: int | str, longest: float | None, bar: Bar) -> dict[str, Any]:
    """The map once it has ended; as it stands when *longest* seconds are over."""
    deadline = None if longest is None else time.monotonic() + longest
    while True:
        one: dict[str, Any] = calls.call("map.show", {"map": number})["map"]
        if one["state"] not in ("open", "running") or (deadline and time.monotonic() >= deadline):
            bar.clear()
            return one
        bar.draw(one)
        time.sleep(WAIT if deadline is None else max(0.0, min(WAIT, deadline - time.monotonic())))
