"""What a disk may hold after a power cut: record a program's file calls, then build legal images.

The rules are those of POSIX at its strictest. What was written to a file counts from its next good
fsync on; before that each sector (512 bytes) may be there or not, in any order. A name that was made,
changed or removed counts from the next fsync of its directory; names change independently otherwise.
After an fsync that failed, what it should have written is there or not, for ever: no later fsync brings
it back, while the program itself goes on reading it from the page cache.

``record`` gives the calls, ``Disk`` takes them one by one, ``Disk.image`` rolls the dice.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

SECTOR = 512
_CALLS = (
    "openat,close,write,pwrite64,fsync,fdatasync,rename,unlink,ftruncate,sendfile,"
    "copy_file_range,renameat,renameat2,unlinkat,pwritev,fallocate,clone,clone3"
)
_LINE = re.compile(r"(\d+)\s+(.*)")
_CALL = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)", re.DOTALL)
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True)
class Op:
    """One call that changed something: *kind*, the path it concerns, and what else it carries."""

    kind: str
    path: str = ""
    offset: int = 0
    data: bytes = b""
    target: str = ""


def record(argv: Sequence[str], root: Path, log: Path, *options: str) -> list[Op]:
    """Run *argv* under strace; its changes below *root* and, as ``say``, its lines on stdout."""
    command = ["strace", "-f", "-qq", "-xx", "-s", "10000000", "-o", str(log), "-e", f"trace={_CALLS}"]
    done = subprocess.run([*command, *options, *argv], capture_output=True, timeout=120, check=False)
    assert done.returncode in (0, -9, 137), done.stderr.decode()
    return list(_Calls(f"{root}/").read(log.read_text().splitlines()))


def _joined(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Thread and call, in the order of their ends: strace splits calls that another thread interrupts.

    A close counts from its beginning: another thread may get the descriptor at once.
    """
    halves: dict[str, str] = {}
    for line in lines:
        thread, text = _LINE.fullmatch(line).groups()  # type: ignore[union-attr]
        if text.endswith("<unfinished ...>"):
            halves[thread] = text.removesuffix("<unfinished ...>").rstrip()
            if text.startswith("close("):
                yield thread, halves[thread].rstrip(")") + ") = 0"
        elif resumed := re.match(r"<\.\.\. (\w+) resumed>\s*(.*)", text):
            if resumed[1] != "close":
                yield thread, halves[thread] + resumed[2]
        else:
            yield thread, text


class _Calls:
    """Reads strace's log: keeps to the threads of the program itself, and follows file descriptors."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._open: dict[int, str] = {}
        self._position: dict[int, int] = {}

    def read(self, lines: Sequence[str]) -> Iterator[Op]:
        calls = [(thread, _CALL.match(text)) for thread, text in _joined(lines)]
        ours = {calls[0][0]} | {call[3] for _, call in calls if call and "CLONE_THREAD" in call[2]}
        for thread, call in calls:
            if call and thread in ours:
                yield from self._call(call[1], call[2], int(call[3]))

    def _clone(self, *_: object) -> Iterator[Op]:
        yield from ()

    _clone3 = _clone

    def _call(self, name: str, args: str, result: int) -> Iterator[Op]:
        texts = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(args)]
        numbers = [int(text) for text in re.findall(r"(?<![\w\"\\])-?\d+", _TEXT.sub("", args))]
        path = self._open.get(numbers[0], "") if numbers else ""
        if name in ("fsync", "fdatasync"):
            yield from self._ours(Op("sync" if result == 0 else "failed sync", path))
        elif result >= 0:
            yield from getattr(self, f"_{name}")(path, texts, numbers, args, result)

    def _ours(self, op: Op) -> Iterator[Op]:
        if f"{op.path}/".startswith(self._root):
            yield op

    def _openat(self, _: str, texts: list[bytes], numbers: list[int], args: str, fd: int) -> Iterator[Op]:
        path = os.path.normpath(texts[0].decode())
        self._open[fd], self._position[fd] = path, 0
        if "O_CREAT" in args:
            yield from self._ours(Op("create", path))
        if "O_TRUNC" in args:
            yield from self._ours(Op("truncate", path))

    def _close(self, _: str, texts: list[bytes], numbers: list[int], args: str, result: int) -> Iterator[Op]:
        self._open.pop(numbers[0], None)
        yield from ()

    def _write(self, path: str, texts: list[bytes], numbers: list[int], args: str, size: int) -> Iterator[Op]:
        if numbers[0] == 1:
            yield Op("say", data=texts[0])
            return
        offset = self._position.get(numbers[0], 0)
        self._position[numbers[0]] = offset + size
        yield from self._ours(Op("write", path, offset, texts[0][:size]))

    def _pwrite64(self, path: str, texts: list[bytes], numbers: list[int], args: str, size: int) -> Iterator[Op]:
        yield from self._ours(Op("write", path, numbers[-1], texts[0][:size]))

    def _ftruncate(self, path: str, texts: list[bytes], numbers: list[int], args: str, _: int) -> Iterator[Op]:
        yield from self._ours(Op("truncate", path, numbers[1]))

    def _rename(self, _: str, texts: list[bytes], numbers: list[int], args: str, result: int) -> Iterator[Op]:
        yield from self._ours(Op("rename", texts[0].decode(), target=texts[1].decode()))

    def _unlink(self, _: str, texts: list[bytes], numbers: list[int], args: str, result: int) -> Iterator[Op]:
        yield from self._ours(Op("unlink", texts[0].decode()))

    def _sendfile(self, path: str, _: list[bytes], numbers: list[int], args: str, size: int) -> Iterator[Op]:
        if size:
            source = self._open[numbers[1]]
            yield from self._ours(Op("copy", path, numbers[2], size.to_bytes(8, "big"), target=source))


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
