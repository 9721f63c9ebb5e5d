"""What a worker prints, line by line, at a pace: a flood waits in the worker, not in the daemon."""

import os
from collections import deque
from collections.abc import Callable

import trio

LONGEST = 2000
"""Characters of a line; the rest is cut."""

PACE, BURST = 50.0, 200.0
"""Lines a second that are passed on in the long run, and at once."""

CHUNK, PAUSE = 65_536, 0.05
"""Bytes that are read together, and seconds after a full read: at most 1.3 MB a second."""

KEPT = 20
"""Last lines, kept for the message about an end."""


class Lines:
    """Bytes to lines, within bounds. Pure; *now* is in seconds of any clock."""

    def __init__(self) -> None:
        self.left_out = 0
        self._rest = b""
        self._room, self._then = BURST, 0.0
        self._quiet = 0

    def feed(self, data: bytes, now: float) -> list[str]:
        """The lines that *data* completes; those that come too fast are counted instead."""
        *whole, rest = (self._rest + data).split(b"\n")
        self._rest = rest[: 4 * LONGEST]
        return [line for each in whole for line in self._pass(each, now)]

    def finish(self, now: float) -> list[str]:
        """What stood after the last end of a line."""
        rest, self._rest = self._rest, b""
        lines = list(self._pass(rest, now)) if rest else []
        return lines + self._counted()

    def _pass(self, line: bytes, now: float) -> list[str]:
        self._room = min(BURST, self._room + (now - self._then) * PACE)
        self._then = now
        if self._room < 1:
            self.left_out += 1
            self._quiet += 1
            return []
        self._room -= 1
        return [*self._counted(), line.decode("utf-8", "replace").rstrip("\r")[:LONGEST]]

    def _counted(self) -> list[str]:
        quiet, self._quiet = self._quiet, 0
        return [f"({quiet} lines left out)"] if quiet else []


class Output:
    """Reads the pipe *fd*, which it owns, and passes lines on to *say*."""

    def __init__(self, fd: int, say: Callable[[str], object]) -> None:
        os.set_blocking(fd, False)
        self._fd, self._say = fd, say
        self._lines = Lines()
        self.last: deque[str] = deque(maxlen=KEPT)
        self.ended = trio.Event()

    @property
    def left_out(self) -> int:
        return self._lines.left_out

    async def run(self) -> None:
        """Read until every writer has closed it."""
        try:
            while data := await self._read():
                self._tell(self._lines.feed(data, trio.current_time()))
                if len(data) == CHUNK:
                    await trio.sleep(PAUSE)
        finally:
            self._tell(self._lines.finish(trio.current_time()))
            trio.lowlevel.notify_closing(self._fd)
            os.close(self._fd)
            self.ended.set()

    async def _read(self) -> bytes:
        while True:
            await trio.lowlevel.wait_readable(self._fd)
            try:
                return os.read(self._fd, CHUNK)
            except BlockingIOError:
                continue

    def _tell(self, lines: list[str]) -> None:
        for line in lines:
            self.last.append(line)
            self._say(line)
