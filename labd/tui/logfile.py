"""Lines of a log of any length, by the bytes where they begin. Nothing is read but what is looked at.

A line is found from any byte: back to the last line feed, on to the next. One that is longer than
:data:`LONGEST` is shown in pieces. Reading is asynchronous and given by the caller; the rest is pure.
"""

import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

CHUNK = 65_536
KEPT = 64
"""Chunks in memory: four megabytes."""

LONGEST = 4_096
"""Bytes of a line before it is cut into pieces."""

STRIDE = 1_048_576
"""Bytes that are searched in one go: the largest answer of the daemon."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

Read = Callable[[int, int], Awaitable[tuple[bytes, int]]]
"""Bytes from an offset on (so many at most), and the size of the whole."""


class LogLine(NamedTuple):
    """A line, or a piece of one, without its line feed."""

    start: int
    data: bytes
    end: int
    """Where the next one begins."""

    @property
    def text(self) -> str:
        """As a terminal would leave it: after the last carriage return, without escapes."""
        text = _ESCAPES.sub("", self.data.decode("utf-8", "replace"))
        return text.rstrip("\r").rpartition("\r")[2].expandtabs(4)


class LogFile:
    """A log that is read in chunks; it may grow."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._chunks: OrderedDict[int, bytes] = OrderedDict()
        self.size = 0

    def grown(self, size: int) -> None:
        """It has so many bytes now."""
        self.size = max(self.size, size)

    async def lines(self, start: int, count: int) -> list[LogLine]:
        """*count* lines from the byte *start*, where one begins; fewer at the end."""
        made: list[LogLine] = []
        while len(made) < count and start < self.size:
            data = await self._some(start, LONGEST + 1)
            feed = data.find(b"\n")
            end = feed if 0 <= feed <= LONGEST else min(len(data), LONGEST)
            if end <= 0 and feed != 0:
                break
            after = start + end + (feed == end)
            made.append(LogLine(start, data[:end], after))
            start = after
        return made

    async def before(self, start: int, count: int) -> int:
        """Where the line begins that stands *count* lines above *start*; 0 at the top."""
        while count > 0 and start > 0:
            starts = await self._starts(start)
            if len(starts) >= count:
                return starts[-count]
            count -= len(starts)
            start = starts[0] if starts else 0
        return start

    async def line_at(self, offset: int) -> int:
        """Where the line begins that the byte *offset* is in."""
        offset = min(max(offset, 0), self.size)
        low = max(offset - LONGEST, 0)
        data = await self._some(low, offset - low)
        feed = data.rfind(b"\n")
        return low + feed + 1 if feed >= 0 else low

    async def find(
        self, pattern: re.Pattern[bytes], start: int, *, back: bool = False
    ) -> AsyncIterator[tuple[int, int | None]]:
        """Search from *start*: yields how far it is and, at last, where the first match is.

        A match that crosses two strides is found as far as it is shorter than :data:`LONGEST`.
        """
        at = start
        while (at > 0) if back else (at < self.size):
            low = max(at - STRIDE, 0) if back else at
            length = (at - low if back else STRIDE) + LONGEST
            data, size = await self._read(low, min(length, STRIDE))
            self.grown(size)
            found = _match(pattern, data, at - low if back else None)
            if found is not None:
                yield low + found, low + found
                return
            at = (
                low if back else at + max(len(data) - LONGEST, 1) if at + len(data) < self.size else self.size
            )
            yield at, None

    async def _starts(self, end: int) -> list[int]:
        """Beginnings of lines before *end*, some at least, in order; the line at *end* is not among them."""
        low = max(end - CHUNK // 4, 0)
        data = await self._some(low, end - low)
        made = [0] if low == 0 else []
        at = data.find(b"\n")
        while 0 <= at < len(data) - 1:
            made.append(low + at + 1)
            at = data.find(b"\n", at + 1)
        pieces: list[int] = []
        for start, after in zip(made, [*made[1:], end], strict=True):
            pieces += range(start, max(after - 1, start + 1), LONGEST)
        return pieces or [max(end - LONGEST, 0)]

    async def _some(self, start: int, length: int) -> bytes:
        """Bytes of the log, through the chunks in memory."""
        length = min(length, self.size - start)
        numbers = range(start // CHUNK, (start + max(length, 1) - 1) // CHUNK + 1)
        parts = [await self._chunk(number) for number in numbers]
        skip = start % CHUNK
        return b"".join(parts)[skip : skip + max(length, 0)]

    async def _chunk(self, number: int) -> bytes:
        wanted = min(self.size - number * CHUNK, CHUNK)
        found = self._chunks.get(number)
        if found is None or len(found) < wanted:
            found, size = await self._read(number * CHUNK, CHUNK)
            self.grown(size)
            self._chunks[number] = found
        self._chunks.move_to_end(number)
        while len(self._chunks) > KEPT:
            self._chunks.popitem(last=False)
        return found


def _match(pattern: re.Pattern[bytes], data: bytes, end: int | None) -> int | None:
    """The first match, or with *end* the last that begins before it."""
    if end is None:
        found = pattern.search(data)
        return None if found is None else found.start()
    last = None
    for found in pattern.finditer(data):
        if found.start() >= end:
            break
        last = found.start()
    return last
