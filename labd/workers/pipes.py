"""Pipes that are handed out, without leaving one open when that goes wrong."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


class Pipes:
    """*reading* ends are closed with the block unless they are kept, *writing* ends always."""

    def __init__(self, count: int) -> None:
        self.reading: list[int] = []
        self.writing: list[int] = []
        for _ in range(count):
            read, write = os.pipe()
            self.reading.append(read)
            self.writing.append(write)

    def keep(self) -> list[int]:
        """The reading ends; they are the caller's from now on."""
        kept, self.reading = self.reading, []
        return kept


@contextmanager
def open_pipes(count: int) -> Iterator[Pipes]:
    """*count* pipes. Raises OSError."""
    pipes = Pipes(count)
    try:
        yield pipes
    finally:
        for fd in (*pipes.reading, *pipes.writing):
            os.close(fd)
