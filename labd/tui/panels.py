"""Panels of plugins: found by entry points, drawn by us, contained.

A panel is an object of the group ``labd.tui``, or what a callable there returns::

    class Panel:
        title = "Dice"
        methods = ("dice.state",)          # asked when something happens, at most once a second
        topics = ("dice.*",)               # kinds of events that make it ask again

        def draw(self, answers, width, height): ...   # lines: texts, or lists of (text, style)

It gets no widget and no loop, so the worst that it can do is to be slow; then it is stopped.
"""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

from labd.tui.text import Line, line

GROUP = "labd.tui"
LOADING, DRAWING = 5.0, 0.5
"""Seconds that a panel may take to be imported, and for a picture."""

MOST_LINES = 1_000
MOST_TEXT = 500
"""Bounds of a picture: lines, and letters of one."""


class TooSlow(Exception):
    """A panel held the interface for too long."""


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Whatever runs here is ended by :class:`TooSlow` after so many seconds (of the main thread)."""

    def late(signum: int, frame: object) -> None:
        raise TooSlow(f"it took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Contained:
    """A panel behind a wall: what it raises becomes :attr:`error`, and it is left alone from then on."""

    def __init__(self, name: str, load: Callable[[], Any]) -> None:
        self.name, self.title = name, name
        self.methods: tuple[str, ...] = ()
        self.error = ""
        self._load = load
        self._panel: Any = None
        self._topics: tuple[str, ...] = ()

    def begin(self) -> None:
        """Import it, once; again after an error."""
        if self._panel is None or self.error:
            self.error = ""
            self._call(LOADING, self._begun)

    def wants(self, kind: str) -> bool:
        """Whether an event of this kind may have changed its answers."""
        return any(fnmatchcase(kind, topic) for topic in self._topics)

    def draw(self, answers: dict[str, Any], width: int, height: int) -> list[Line]:
        """Its picture; nothing when it cannot be drawn."""
        if self._panel is None or self.error:
            return []
        return self._call(DRAWING, lambda: _checked(self._panel.draw(answers, width, height))) or []

    def _begun(self) -> None:
        found = self._load()
        self._panel = found() if callable(found) else found
        self.title = str(getattr(self._panel, "title", self.name))[:40]
        self.methods = tuple(map(str, getattr(self._panel, "methods", ())))
        self._topics = tuple(map(str, getattr(self._panel, "topics", ())))

    def _call(self, seconds: float, work: Callable[[], Any]) -> Any:
        try:
            with bounded(seconds):
                return work()
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # other people's code: SystemExit too
            self.error = f"{type(error).__name__}: {error}"[:MOST_TEXT]
            return None


def _checked(found: Any) -> list[Line]:
    """What a panel returned, as lines. Raises TypeError for what is none."""
    if not isinstance(found, Sequence) or isinstance(found, str):
        raise TypeError(f"draw returned {type(found).__name__}, not a list of lines")
    made = []
    for row in list(found)[:MOST_LINES]:
        parts = [row] if isinstance(row, str) else list(row)
        made.append(line(*(_part(part) for part in parts)))
    return made


def _part(part: Any) -> str | tuple[str, str]:
    if isinstance(part, str):
        return part[:MOST_TEXT]
    text, style = part
    return str(text)[:MOST_TEXT], str(style)


def find() -> list[Contained]:
    """The panels that are installed, in the order of their names."""
    from importlib.metadata import entry_points

    return [
        Contained(entry.name, entry.load) for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name)
    ]
