"""Files that travel with a map: found by a person's words, and put into labd piece by piece.

A file goes as pieces under their digests. A piece that is there already is not sent again, and each one is
whole and durable by itself: a daemon that restarts in between costs nothing.
"""

import glob
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from labd.errors import UsageError

PIECE = 2**20
"""Bytes of one piece."""

BATCH = 2
"""Pieces of one message, which may have 4 MiB."""

ASK = 5000
"""Digests that are asked for at once."""

Caller = Callable[[str, dict[str, Any]], Any]


def find(patterns: Iterable[str], root: str) -> dict[str, str]:
    """The files that *patterns* name below *root*, by their path there. A folder stands for all in it.

    Raises UsageError for a pattern without a file, and for a file elsewhere.
    """
    found: dict[str, str] = {}
    for pattern in patterns:
        paths = [path for match in sorted(glob.glob(os.path.join(root, pattern))) for path in _below(match)]
        if not paths:
            raise UsageError(
                f"data: there is no file {pattern!r} in {root}", hint="name files of this folder"
            )
        found |= {_inside(path, root): path for path in paths}
    return found


def put(call: Caller, files: Mapping[str, str]) -> dict[str, list[str]]:
    """Have labd keep *files*; the digests of the pieces of each.

    Raises UsageError for one that cannot be read or changes meanwhile, and what *call* raises.
    """
    named = {
        name: [hashlib.sha256(piece).hexdigest() for piece in _read(path)] for name, path in files.items()
    }
    wanted = [digest for digests in named.values() for digest in digests]
    missing: set[str] = set()
    for start in range(0, len(wanted), ASK):
        missing.update(call("blob.missing", {"digests": wanted[start : start + ASK]})["missing"])
    sent = [*_sent(call, files, missing)]
    if missing - set(sent):
        raise UsageError("data: a file changed while it was sent", hint="try again")
    return named


def _sent(call: Caller, files: Mapping[str, str], missing: set[str]) -> Iterator[str]:
    batch: list[bytes] = []
    for path in files.values():
        for piece in _read(path):
            if hashlib.sha256(piece).hexdigest() in missing:
                batch.append(piece)
            if len(batch) == BATCH:
                yield from call("blob.put_all", {"blobs": batch})["digests"]
                batch = []
    if batch:
        yield from call("blob.put_all", {"blobs": batch})["digests"]


def _read(path: str) -> Iterator[bytes]:
    try:
        with open(path, "rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except OSError as error:
        raise UsageError(f"data: {path}: {os.strerror(error.errno or 0)}", hint="name a file") from None


def _below(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
        return
    for folder, _, names in os.walk(path):
        yield from (os.path.join(folder, name) for name in sorted(names))


def _inside(path: str, root: str) -> str:
    name = os.path.relpath(os.path.abspath(path), os.path.abspath(root))
    if name == os.pardir or name.startswith(os.pardir + os.sep):
        raise UsageError(f"data: {path} is not in {root}", hint="files keep their place below that folder")
    return name
