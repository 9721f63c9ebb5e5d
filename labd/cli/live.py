"""A view that stays: drawn over itself when the daemon says that something has changed.

A thread listens on a connection of its own and writes a byte into a pipe for each event; nothing is asked
for until then. Between two events only what the clock moves is drawn anew.
"""

import os
import select
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from labd.cli.connect import Connect, Steady
from labd.cli.refs import Calls
from labd.cli.render import Terminal, cut, terminal
from labd.errors import LabdError

T = TypeVar("T")

PAUSE = 0.3
"""Seconds between two questions to the daemon, however much happens."""

EASE = 5
"""An answer that took long is not asked for again before so many times that long."""

TICK = 1.0
"""Seconds between two pictures while nothing happens: times go on."""

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"
"""To the other screen, without a cursor and without wrapping what is too long; and back."""

_HOME, _REST, _BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


class Left(Exception):
    """Whoever watched has pressed q."""


class News:
    """A pipe that becomes readable when there is news: an event of *topics*, or a new daemon."""

    def __init__(self, connect: Connect, topics: Sequence[str]) -> None:
        self._connect, self._topics = connect, topics
        self.pipe, self._ours = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        threading.Thread(target=self._listen, name="events", daemon=True).start()

    def tell(self, *signal: object) -> None:
        """Make it news that something is to be drawn."""
        try:
            os.write(self._ours, b".")
        except BlockingIOError:
            pass  # it is news enough

    def drain(self) -> None:
        os.read(self.pipe, 65_536)

    def _listen(self) -> None:
        while True:
            try:
                with self._connect() as client:
                    events = client.events(self._topics)
                    self.tell()  # whatever happened before
                    for _ in events:
                        self.tell()
            except (LabdError, OSError):
                time.sleep(TICK)  # the other connection sees it as well, and says so


class Keys:
    """The keyboard, without echo and line by line no more; nothing where stdin is no terminal."""

    def __init__(self) -> None:
        self.file = sys.stdin.fileno() if sys.stdin and sys.stdin.isatty() else None
        self._before: list[Any] = []

    def __enter__(self) -> "Keys":
        if self.file is not None:
            self._before = termios.tcgetattr(self.file)
            changed = termios.tcgetattr(self.file)
            changed[3] &= ~(termios.ECHO | termios.ICANON)
            termios.tcsetattr(self.file, termios.TCSADRAIN, changed)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._before:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._before)

    def read(self) -> None:
        """Raises Left for q; a terminal that is gone is not asked again."""
        assert self.file is not None
        pressed = os.read(self.file, 100)
        if b"q" in pressed.lower():
            raise Left
        if not pressed:
            self.file = None


class Live(Generic[T]):
    """Shows what *fetch* asks for as *draw* draws it, until *over* says so or somebody leaves.

    ``draw(found, terminal, height, age)``: *age* is how many seconds ago it was asked for.
    """

    def __init__(
        self,
        fetch: Callable[[Calls], T],
        draw: Callable[[T, Terminal, int, float], list[str]],
        over: Callable[[T], bool] = lambda found: False,
    ) -> None:
        self._fetch, self._draw, self._over = fetch, draw, over
        self._keys = Keys()
        self._shown: list[str] = []

    def run(self, connect: Connect, topics: Sequence[str]) -> T | None:
        """What was shown last when it was over; None when somebody left, by q or Ctrl-C."""
        with Steady(connect, self._say, sleep=self._rest) as calls, self._keys:
            self._news = News(connect, topics)
            signal.signal(signal.SIGWINCH, self._news.tell)
            self._write(_ENTER)
            try:
                return self._watch(calls)
            except (Left, KeyboardInterrupt):
                return None
            finally:
                self._write(_LEAVE)

    def _watch(self, calls: Calls) -> T:
        while True:
            began = time.monotonic()
            found = self._fetch(calls)
            asked = time.monotonic()
            self._show(found, 0.0)
            if self._over(found):
                return found
            self._rest(max(PAUSE, EASE * (asked - began)))
            while not self._news_within(TICK):
                self._show(found, time.monotonic() - asked)

    def _rest(self, seconds: float) -> None:
        """Let *seconds* pass; only the keyboard is heard."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._heard(left, [])

    def _news_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._news.pipe in self._heard(left, [self._news.pipe]):
                self._news.drain()
                return True
        return False

    def _heard(self, seconds: float, files: list[int]) -> list[int]:
        keys = [] if self._keys.file is None else [self._keys.file]
        ready, _, _ = select.select([*files, *keys], [], [], seconds)
        if keys and keys[0] in ready:
            self._keys.read()
        return ready

    def _say(self, text: str) -> None:
        """What a steady connection tells: it stands on the screen until the next picture."""
        columns, rows = _size()
        note = [terminal(sys.stdout).paint(cut(text, columns), "red")]
        self._put([*self._shown[: rows - 1], *note])

    def _show(self, found: T, age: float) -> None:
        columns, rows = _size()
        self._shown = self._draw(found, terminal(sys.stdout)._replace(width=columns), rows, age)[:rows]
        self._put(self._shown)

    def _put(self, lines: list[str]) -> None:
        self._write(_HOME + "\r\n".join(line + _REST for line in lines) + _BELOW)

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def _size() -> tuple[int, int]:
    """Columns and lines. What the terminal says counts: $COLUMNS may be wrong."""
    columns, rows = os.get_terminal_size(sys.stdout.fileno())
    return columns or 80, rows or 24


def possible() -> bool:
    """Whether stdout is a terminal that can be drawn on."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
