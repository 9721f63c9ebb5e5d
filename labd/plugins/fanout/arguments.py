"""The arguments of a map: a JSON value a line, in a file; what is read of it is a chunk at a time."""

import io
import os
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import BinaryIO

import msgspec

from labd.api import UsageError
from labd.plugins.fanout import files

EVERY = 256
"""Lines between two places that are remembered."""

MAX_LINE = 4 * 2**20

_ANY = msgspec.json.Decoder()


class Arguments:
    """The file at *path*; :meth:`load` comes first. Blocks."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.count = 0
        self._places = array("Q")

    def load(self, check: bool = False) -> None:
        """Count the lines, and with *check* look at each. Raises UsageError that names the wrong one."""
        self.count, at = 0, 0
        self._places = array("Q")
        with open(self.path, "rb") as file:
            for line in file:
                if self.count % EVERY == 0:
                    self._places.append(at)
                if check:
                    _check(line, self.count + 1)
                self.count += 1
                at += len(line)

    def read(self, calls: Sequence[int]) -> list[bytes]:
        """The lines of *calls*, which are sorted, without their ends."""
        with open(self.path, "rb") as file:
            return [
                line.rstrip(b"\n") for first, last in runs(calls) for line in self._run(file, first, last)
            ]

    def _run(self, file: BinaryIO, first: int, last: int) -> list[bytes]:
        file.seek(self._places[first // EVERY])
        skipped = first % EVERY
        return [*islice(file, skipped, skipped + last - first + 1)]


def runs(calls: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Sorted numbers as (first, last) of each unbroken run."""
    start = previous = None
    for call in calls:
        if previous is None or call != previous + 1:
            if start is not None and previous is not None:
                yield start, previous
            start = call
        previous = call
    if start is not None and previous is not None:
        yield start, previous


def append(path: str, at: int, data: bytes) -> int:
    """Put *data* at the offset *at* of the file at *path*, durably; its size. What is there already may come
    again. Raises UsageError when something is missing before it.
    """
    size = os.path.getsize(path) if os.path.exists(path) else 0
    if at > size:
        raise UsageError(f"arguments at byte {at}, but only {size} bytes came before", hint="send in order")
    if at + len(data) > size:
        grown = files.Growing(path, at)
        try:
            grown.append(data)
        finally:
            grown.close()
        size = grown.size
    return size


def check(data: bytes) -> None:
    """Raises UsageError that names the first line of *data* that is wrong."""
    for number, line in enumerate(io.BytesIO(data), start=1):
        _check(line, number)


def _check(line: bytes, number: int) -> None:
    if not line.endswith(b"\n"):
        raise UsageError(f"line {number} of the arguments is cut off: it has no end")
    if len(line) > MAX_LINE:
        raise UsageError(f"line {number} of the arguments has {len(line)} bytes, the limit is {MAX_LINE}")
    try:
        _ANY.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        shown = line[:60].decode(errors="replace").rstrip("\n")
        raise UsageError(
            f"line {number} of the arguments is no JSON: {shown!r}: {error}", hint="nothing was started"
        ) from None
