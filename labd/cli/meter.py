"""A bar on stderr while something takes long; nothing where that is no terminal."""

import sys
import time
from collections.abc import Callable

from labd.units import about_bytes

WIDTH = 24
PAUSE = 0.1
"""Seconds between two pictures."""


def picture(share: float | None, text: str) -> str:
    """``[######      ] 50 % text``; without a *share* only the text."""
    if share is None:
        return text
    full = round(WIDTH * share)
    return f"[{'#' * full}{' ' * (WIDTH - full)}] {share * 100:3.0f} % {text}"


class Meter:
    """One line that is drawn over itself. ``with`` removes it in the end."""

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._clock = clock
        self._next = clock() + PAUSE
        self._drawn = False
        self._shows = sys.stderr.isatty()

    def show(self, done: int, share: float | None = None, what: str = "") -> None:
        """*done* bytes so far, *share* of the whole (0 to 1) where it is known."""
        if not self._shows or self._clock() < self._next:
            return
        self._next, self._drawn = self._clock() + PAUSE, True
        sys.stderr.write(f"\r\x1b[K{picture(share, f'{what or self._what}: {about_bytes(done)}')}")
        sys.stderr.flush()

    def __enter__(self) -> "Meter":
        return self

    def __exit__(self, *exc: object) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
