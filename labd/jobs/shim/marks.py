"""The files of an attempt folder, and how they are made durable.

``tmp + fsync + rename + fsync(dir)`` is the only order that loses nothing at a power cut. Every record
is one JSON map with ``"version": 1``; readers take the keys they know, so that a daemon understands
the shims of another release.
"""

from __future__ import annotations

import errno
import json
import os

TYPE_CHECKING = False  # importing typing would cost every shim half a megabyte
if TYPE_CHECKING:
    from typing import Any

VERSION = 1
ORDER, LOCK, CTL, STARTED, EXIT = "order.json", "lock", "ctl", "started", "exit"
LOG, REPORT, SCRIPT, RUN, CODE = "out.log", "report.ndjson", "script", "run", "code"

RESERVED = 4096  # one block, more than the longest exit record
LONGEST_MESSAGE = 256  # characters; each may take twelve bytes as JSON


def write(folder: str, name: str, record: dict[str, Any]) -> None:
    """Put *record* in *folder* as *name*, durably and whole or not at all. Raises OSError."""
    _fill(folder, name, json.dumps({"version": VERSION, **record}).encode())
    os.rename(_draft(folder, name), os.path.join(folder, name))
    sync_folder(folder)


def reserve(folder: str, name: str) -> None:
    """Take the disk block that :func:`write` of *name* will need, so that a full disk cannot stop it.

    Nothing is synced: after a power cut there is nobody left to write it.
    """
    fd = os.open(_draft(folder, name), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.posix_fallocate(fd, 0, RESERVED)
    finally:
        os.close(fd)


def read(folder: str, name: str) -> dict[str, Any] | None:
    """The record *name*, or None where there is none. Raises ValueError when it is not one."""
    try:
        with open(os.path.join(folder, name), "rb") as file:
            record = json.loads(file.read())
    except FileNotFoundError:
        return None
    if not isinstance(record, dict):
        raise ValueError(f"{os.path.join(folder, name)} holds no map")  # noqa: TRY004 - bad data, not a bad call
    return record


def sync_folder(path: str) -> None:
    """Make the names in the folder *path* durable. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def shorten(message: str) -> str:
    """*message*, cut to what surely fits into a reserved block."""
    return message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"


def boot_id() -> str:
    """The random name of this boot of the machine."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def _draft(folder: str, name: str) -> str:
    return os.path.join(folder, "." + name)


def _fill(folder: str, name: str, data: bytes) -> None:
    """Write the draft of *name* in place: not truncated, since blocks given back may be gone."""
    fd = os.open(_draft(folder, name), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        padded = data.ljust(RESERVED)
        if os.pwrite(fd, padded, 0) != len(padded):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), _draft(folder, name))
        os.fsync(fd)
    finally:
        os.close(fd)
