"""The files of one group. Everything here blocks.

``group.json`` is its record, ``journal`` a line of JSON for all that happened to its tasks, ``bundle.zip`` or
``function`` what it calls.
"""

import os
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from labd_descartes.model import Group
from labd_descartes.state import Entry

_GROUP = msgspec.json.Decoder(Group)
_ENTRY = msgspec.json.Decoder(Entry)
Place = tuple[int, int]


class Folder:
    """The folder *path* of a group."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.code = os.path.join(path, "code")
        self._journal = os.path.join(path, "journal")
        self._size = 0

    def load(self) -> Group:
        """The record. Raises OSError, msgspec.DecodeError."""
        with open(os.path.join(self.path, "group.json"), "rb") as file:
            return _GROUP.decode(file.read())

    def save(self, group: Group) -> None:
        """Keep the record; durable on return. Raises OSError."""
        os.makedirs(self.path, 0o700, exist_ok=True)
        path = os.path.join(self.path, "group.json")
        with open(f"{path}.new", "wb") as file:
            file.write(msgspec.json.encode(group))
            file.flush()
            os.fsync(file.fileno())
        os.rename(f"{path}.new", path)
        sync(self.path)
        sync(os.path.dirname(self.path))

    def replay(self) -> Iterator[tuple[Entry, Place]]:
        """All that happened, each with its place; a last line that is cut off never did."""
        self._size = 0
        if not os.path.exists(self._journal):
            return
        with open(self._journal, "rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                yield _ENTRY.decode(line), (self._size, len(line))
                self._size += len(line)

    def append(self, entries: Sequence[Entry]) -> list[Place]:
        """Keep *entries*; durable on return. Raises OSError, and then none of them counts."""
        lines = [msgspec.json.encode(entry) + b"\n" for entry in entries]
        new = not os.path.exists(self._journal)
        fd = os.open(self._journal, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.seek(self._size)
            file.writelines(lines)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync(self.path)
        return [*self._placed(lines)]

    def read(self, places: Iterable[Place]) -> list[Entry]:
        """The entries at *places*."""
        with open(self._journal, "rb") as file:
            return [_ENTRY.decode(os.pread(file.fileno(), length, at)) for at, length in places]

    def _placed(self, lines: Iterable[bytes]) -> Iterator[Place]:
        for line in lines:
            yield self._size, len(line)
            self._size += len(line)


def sync(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
