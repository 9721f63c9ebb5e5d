"""Where a chunked body ends. Pure.

httptools checks and unpacks the chunks, and does not say which byte was the last. This finds it, by rules of
its own: a body on which the two disagree is refused, so nothing can be smuggled between them.
"""

import re

from labd.http.refusal import Refusal

LINE = 256
"""Bytes of the line before a chunk: its size and its extensions, which mean nothing to us."""

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ -~\t]*")


class Chunks:
    """Measures one body as it arrives; *done* once its end was seen. *trailers* is a limit in bytes."""

    def __init__(self, trailers: int) -> None:
        self.done = False
        self._data = 0
        self._last = False
        self._room = trailers

    def measure(self, buffer: bytearray) -> int:
        """How many bytes at the front of *buffer* belong to the body and can be read now. Raises Refusal."""
        at = 0
        while not self.done:
            if self._data:
                step = min(self._data, len(buffer) - at)
                at, self._data = at + step, self._data - step
                if self._data:
                    break
            line = self._line(buffer, at)
            if line is None:
                break
            at += len(line) + 2
        return at

    def _line(self, buffer: bytearray, at: int) -> bytes | None:
        room = self._room if self._last else LINE
        end = buffer.find(b"\r\n", at, at + room + 2)
        if buffer.find(b"\n", at, end if end >= 0 else at + room + 2) >= 0:
            raise Refusal(400, "a line of a chunked body ends without a carriage return")
        if end < 0:
            if len(buffer) - at >= room + 2:
                raise Refusal(400, f"a line of a chunked body has more than {room} bytes")
            return None
        line = bytes(buffer[at:end])
        self._take(line)
        return line

    def _take(self, line: bytes) -> None:
        if self._last:
            self.done = not line
            self._room -= len(line)
            return
        found = _SIZE.fullmatch(line)
        if found is None:
            raise Refusal(400, "a chunk of the body has no proper size")
        size = int(found[1], 16)
        self._data, self._last = (size + 2, False) if size else (0, True)
