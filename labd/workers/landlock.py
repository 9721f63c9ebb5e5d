"""Landlock: the kernel's own walls around a process and its children, for files, TCP and signals.

https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

NEEDED = 6
"""The version (ABI) that has signals and abstract sockets too: Linux 6.12."""

_libc = ctypes.CDLL(None, use_errno=True)
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # on every machine
_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE, _IOCTL_DEV = 1, 2, 4, 8, 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_ALL_FILES = (1 << 16) - 1
_ALL_TCP, _ALL_SCOPES = 3, 3  # bind and connect; abstract sockets and signals

READ = _EXECUTE | _READ_FILE | _READ_DIR
WRITE = _ALL_FILES & ~_IOCTL_DEV
DEVICE = _READ_FILE | _WRITE_FILE | _IOCTL_DEV


def abi() -> int:
    """The version that the kernel has; 0 where it has none, or it is not enabled."""
    return max(int(_libc.syscall(_CREATE, None, 0, _VERSION)), 0)


def enclose(rules: Iterable[tuple[str, int, bool]], *, net: bool) -> None:
    """Allow this process the *rules* (path, rights, whether it must be there) and nothing else from now on.

    TCP remains with *net*. Needs no_new_privs, and :data:`NEEDED`. Raises OSError, with the path.
    """
    fd = _call(_CREATE, attributes := struct.pack("=QQQ", _ALL_FILES, 0 if net else _ALL_TCP, _ALL_SCOPES),
               len(attributes), 0)  # fmt: skip
    try:
        for path, rights, must in rules:
            _allow(fd, path, rights, must)
        _call(_RESTRICT, fd, 0)
    finally:
        os.close(fd)


def _allow(ruleset: int, path: str, rights: int, must: bool) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        if must:
            raise
        return
    try:
        rights &= _ALL_FILES if stat.S_ISDIR(os.fstat(fd).st_mode) else _ON_FILES
        _call(_ADD, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, fd), 0)
    finally:
        os.close(fd)


def _call(number: int, *arguments: int | bytes) -> int:
    words = [each if isinstance(each, bytes) else ctypes.c_long(each) for each in arguments]
    answer = int(_libc.syscall(ctypes.c_long(number), *words))
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "Landlock")
    return answer
