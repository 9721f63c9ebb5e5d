"""Records what a program does to files: its calls below a folder, and its lines on stdout, in order.

The calls come from strace, those of the program's own threads alone. A call that changes files and that
is not known here is an error (AttributeError), so that nothing is overlooked.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

Texts = list[bytes]
Numbers = list[int]
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

    def _openat(self, _: str, texts: Texts, numbers: Numbers, args: str, fd: int) -> Iterator[Op]:
        path = os.path.normpath(texts[0].decode())
        self._open[fd], self._position[fd] = path, 0
        if "O_CREAT" in args:
            yield from self._ours(Op("create", path))
        if "O_TRUNC" in args:
            yield from self._ours(Op("truncate", path))

    def _close(self, _: str, texts: Texts, numbers: Numbers, args: str, result: int) -> Iterator[Op]:
        self._open.pop(numbers[0], None)
        yield from ()

    def _write(self, path: str, texts: Texts, numbers: Numbers, args: str, size: int) -> Iterator[Op]:
        if numbers[0] == 1:
            yield Op("say", data=texts[0])
            return
        offset = self._position.get(numbers[0], 0)
        self._position[numbers[0]] = offset + size
        yield from self._ours(Op("write", path, offset, texts[0][:size]))

    def _pwrite64(self, path: str, texts: Texts, numbers: Numbers, args: str, size: int) -> Iterator[Op]:
        yield from self._ours(Op("write", path, numbers[-1], texts[0][:size]))

    def _ftruncate(self, path: str, texts: Texts, numbers: Numbers, args: str, _: int) -> Iterator[Op]:
        yield from self._ours(Op("truncate", path, numbers[1]))

    def _rename(self, _: str, texts: Texts, numbers: Numbers, args: str, result: int) -> Iterator[Op]:
        yield from self._ours(Op("rename", texts[0].decode(), target=texts[1].decode()))

    def _unlink(self, _: str, texts: Texts, numbers: Numbers, args: str, result: int) -> Iterator[Op]:
        yield from self._ours(Op("unlink", texts[0].decode()))

    def _sendfile(self, path: str, _: Texts, numbers: Numbers, args: str, size: int) -> Iterator[Op]:
        if size:
            source = self._open[numbers[1]]
            yield from self._ours(Op("copy", path, numbers[2], size.to_bytes(8, "big"), target=source))
