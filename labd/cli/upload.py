"""Sending bytes to the daemon's blob store, in pieces that fit a message."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from labd.cli import output
from labd.cli.refs import Calls

PIECE = 2**20
"""Bytes of one piece: a message may have 4 MiB."""

MANY = 4096
"""Blobs of one message of small ones."""

PATIENCE = 2.0
"""Seconds that an upload may take before one is told how far it is."""


class Progress:
    """Tells on a terminal how much was sent, once it takes long. *total* is in bytes, 0 for unknown."""

    def __init__(self, total: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.sent = 0
        self._total = total
        self._clock = clock
        self._next = clock() + PATIENCE

    def add(self, size: int) -> None:
        self.sent += size
        if self._clock() >= self._next and sys.stderr.isatty():
            self._next = self._clock() + PATIENCE
            output.say(f"uploading: {_mebibytes(self.sent)}{self._of()}")

    def _of(self) -> str:
        return f" of {_mebibytes(self._total)}" if self._total else ""


def put(session: Calls, data: Iterable[bytes], progress: Progress | None = None) -> str:
    """Keep the bytes of *data*; the digest, once they are durable. Raises UsageError above the limit."""
    shown, upload = progress or Progress(), None
    pieces = _pieces(data)
    piece = next(pieces, b"")
    while True:
        after = next(pieces, None)
        ask = {"data": piece, "upload": upload, "last": after is None}
        reply: dict[str, Any] = session.call("blob.put", ask)
        shown.add(len(piece))
        if after is None:
            return str(reply["digest"])
        upload, piece = reply["upload"], after


def put_all(session: Calls, blobs: Iterable[bytes], progress: Progress | None = None) -> list[str]:
    """Keep many small blobs (each at most :data:`PIECE`), some thousand in a message; their digests."""
    shown, digests = progress or Progress(), []
    for batch in _batches(blobs):
        digests += session.call("blob.put_all", {"blobs": batch})["digests"]
        shown.add(sum(map(len, batch)))
    return digests


def _pieces(data: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, in pieces of :data:`PIECE`."""
    held = bytearray()
    for chunk in data:
        held += chunk
        while len(held) > PIECE:
            yield bytes(held[:PIECE])
            del held[:PIECE]
    if held:
        yield bytes(held)


def _batches(blobs: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for blob in blobs:
        if batch and (size + len(blob) > 2 * PIECE or len(batch) == MANY):
            yield batch
            batch, size = [], 0
        batch.append(blob)
        size += len(blob)
    if batch:
        yield batch


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
