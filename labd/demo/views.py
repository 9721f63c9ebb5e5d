"""Where the demo is watched: on a terminal, redrawn in place, or as plain lines."""

import os
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from labd.cli.render import safe, terminal
from labd.demo.curve import ink_for
from labd.demo.frame import Picture, Told, fits, frame, sentence
from labd.demo.runs import Run

HIDE, SHOW, UP, REST, DOWN = "\x1b[?25l", "\x1b[?25h", "\x1b[{}F", "\x1b[K", "\x1b[J"
REDRAW_EVERY = 0.05


class Lines:
    """One line for each event. ``detail`` is said here and not on a live screen."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def story(self, text: str) -> None:
        self.detail(text)

    def detail(self, text: str) -> None:
        print(safe(sentence(Told(self.seconds, text))), file=self._stream, flush=True)

    def look(self, runs: Sequence[Run], daemon: str, up: bool) -> None:
        """Nothing moves here."""

    def close(self) -> None:
        """Nothing to put away."""


class Live:
    """A picture that is drawn over itself. Closed, it leaves the story and goes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began = time.monotonic()
        self._story: list[Told] = []
        self._ink = ink_for(stream.encoding)
        self._drawn = 0
        self._last = 0.0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def story(self, text: str) -> None:
        self._story.append(Told(self.seconds, safe(text)))

    def detail(self, text: str) -> None:
        """The table shows it."""

    def look(self, runs: Sequence[Run], daemon: str, up: bool) -> None:
        """Draw how it stands now, if the last picture is not too young."""
        if time.monotonic() - self._last < REDRAW_EVERY:
            return
        self._last = time.monotonic()
        size = os.get_terminal_size(self._stream.fileno())
        term = terminal(self._stream)._replace(
            width=size.columns
        )  # $COLUMNS may be wrong; a wrapped line is worse
        picture = Picture(runs, self.seconds, daemon, up, self._story)
        self._draw(frame(picture, term, size.lines, self._ink)[: size.lines - 1])

    def close(self) -> None:
        self._draw([sentence(told) for told in self._story])
        self._write(SHOW)

    def _draw(self, lines: list[str]) -> None:
        back = HIDE + (UP.format(self._drawn) if self._drawn else "")
        self._write(back + "".join(f"{line}{REST}\n" for line in lines) + DOWN)
        self._drawn = len(lines)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


View = Lines | Live


def choose(stream: TextIO, runs: int, *, as_json: bool) -> View:
    """A live screen where there is room for one; with *as_json* the lines leave stdout alone."""
    if as_json:
        return Lines(sys.stderr)
    if stream.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        size = os.get_terminal_size(stream.fileno())
        if fits(runs, size.columns, size.lines):
            return Live(stream)
    return Lines(stream)
