"""What a disk may hold after a power cut: take a program's file calls, then build legal images.

The rules are those of POSIX at its strictest. What was written to a file counts from its next good
fsync on; before that each sector (512 bytes) may be there or not, in any order. A name that was made,
changed or removed counts from the next fsync of its directory; names change independently otherwise.
After an fsync that failed, what it should have written is there or not, for ever: no later fsync brings
it back, while the program itself goes on reading it from the page cache. Folders are taken as given.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from tests.syscalls import Op

SECTOR = 512


@dataclass
class _File:
    cache: bytearray = field(default_factory=bytearray)
    disk: bytearray = field(default_factory=bytearray)
    pending: list[Op] = field(default_factory=list)


class Disk:
    """The files of a program: as it sees them, and as they are known to be on the disk."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._seen: dict[str, _File] = {}
        self._kept: dict[str, _File] = {}
        self._names: list[tuple[Op, _File | None]] = []

    def do(self, op: Op) -> None:
        """Take one call."""
        getattr(self, "_" + op.kind.replace(" ", "_"))(op)

    def image(self, chance: float) -> dict[str, bytes]:
        """The files after a power cut now; what was not synced is there with probability *chance*."""
        names, stuck = dict(self._kept), set[str]()
        for op, file in self._names:
            touched = {op.path, op.target} - {""}
            if touched & stuck or self._dice.random() >= chance:
                stuck |= touched
            else:
                _name(names, op, file)
        return {path: self._content(file, chance) for path, file in names.items()}

    def _content(self, file: _File, chance: float) -> bytes:
        data = bytearray(file.disk)
        for op in file.pending:
            for part in _sectors(op):
                if self._dice.random() < chance:
                    _apply(data, part)
        return bytes(data)

    def _create(self, op: Op) -> None:
        if op.path not in self._seen:
            self._change_name(op, _File())

    def _rename(self, op: Op) -> None:
        self._change_name(op, self._seen[op.path])

    def _unlink(self, op: Op) -> None:
        self._change_name(op, None)

    def _change_name(self, op: Op, file: _File | None) -> None:
        self._names.append((op, file))
        _name(self._seen, op, file)

    def _write(self, op: Op) -> None:
        file = self._seen[op.path]
        _apply(file.cache, op)
        file.pending.append(op)

    _truncate = _write

    def _copy(self, op: Op) -> None:
        size = int.from_bytes(op.data, "big")
        data = bytes(self._seen[op.target].cache[op.offset : op.offset + size])
        self._write(Op("write", op.path, op.offset, data))

    def _sync(self, op: Op) -> None:
        if op.path in self._seen:
            file = self._seen[op.path]
            for change in file.pending:
                _apply(file.disk, change)
            file.pending.clear()
            return
        mine = [entry for entry in self._names if os.path.dirname(entry[0].path) == op.path]
        self._names = [entry for entry in self._names if entry not in mine]
        for change, made in mine:
            _name(self._kept, change, made)

    def _failed_sync(self, op: Op) -> None:
        file = self._seen[op.path]
        file.disk = bytearray(self._content(file, 0.5))
        file.pending.clear()

    def _say(self, op: Op) -> None:
        pass


def _name(names: dict[str, _File], op: Op, file: _File | None) -> None:
    names.pop(op.path, None)
    if file is not None:
        names[op.target or op.path] = file


def _sectors(op: Op) -> Iterator[Op]:
    if op.kind != "write":
        yield op
        return
    start, end = op.offset, op.offset + len(op.data)
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        yield Op("write", op.path, start, op.data[start - op.offset : stop - op.offset])
        start = stop


def _apply(data: bytearray, op: Op) -> None:
    if op.kind == "truncate":
        del data[op.offset :]
    if len(data) < op.offset:
        data += bytes(op.offset - len(data))
    if op.kind == "write":
        data[op.offset : op.offset + len(op.data)] = op.data
