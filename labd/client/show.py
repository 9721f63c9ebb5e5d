"""How a map looks to a person: a sentence, a bar on a terminal, a table in a notebook."""

import sys
import time
from html import escape
from typing import Any, TextIO

WIDTH = 30
APART = 0.1
"""Seconds between two pictures of a bar."""


def sentence(view: dict[str, Any]) -> str:
    """``running: 120/1000, 3 failed, 30/s, 12 s left``."""
    done = view["succeeded"] + view["failed"]
    parts = [f"{done}/{view['total']}"]
    if view["failed"]:
        parts.append(f"{view['failed']} failed")
    if view["repeated"]:
        parts.append(f"{view['repeated']} repeated")
    if view["rate"]:
        parts.append(f"{view['rate']:.3g}/s")
    if view["eta"] is not None:
        parts.append(f"{span(view['eta'])} left")
    return f"{view['state']}: {', '.join(parts)}"


def span(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def html(view: dict[str, Any]) -> str:
    """The map for a notebook."""
    total = max(view["total"], 1)
    name = escape(view["name"] or view["function"])
    reason = f"<div>{escape(view['reason'])}</div>" if view["reason"] else ""
    return (
        f"<div><b>map {view['id']}</b> {name}</div>"
        f'<progress max="{total}" value="{view["succeeded"] + view["failed"]}"></progress>'
        f"<div>{escape(sentence(view))}</div>{reason}"
    )


class Bar:
    """Draws nothing; ``patience`` is how long an answer may keep it waiting, 0 for any time."""

    patience = 0.0

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def draw(self, view: dict[str, Any]) -> None:
        """Show how the map stands."""


SILENT = Bar()


class TerminalBar(Bar):
    """One line of *stream*, drawn over itself."""

    patience = 0.5

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = 0.0
        self._view: dict[str, Any] | None = None

    def draw(self, view: dict[str, Any]) -> None:
        self._view = view
        now = time.monotonic()
        if now - self._last >= APART:
            self._last = now
            self._write(view)

    def __exit__(self, *exc: object) -> None:
        if self._view is not None:
            self._write(self._view)
            self._stream.write("\n")
            self._stream.flush()

    def _write(self, view: dict[str, Any]) -> None:
        done = view["succeeded"] + view["failed"]
        full = WIDTH * done // max(view["total"], 1)
        self._stream.write(f"\r[{'#' * full}{'.' * (WIDTH - full)}] {sentence(view)}\x1b[K")
        self._stream.flush()


def bar(wanted: bool | None) -> Bar:
    """A bar on stderr; where nobody said whether it is *wanted*, only on a terminal."""
    if wanted or (wanted is None and sys.stderr is not None and sys.stderr.isatty()):
        return TerminalBar(sys.stderr)
    return SILENT
