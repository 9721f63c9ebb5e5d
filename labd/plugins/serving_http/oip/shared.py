"""Shared memory that clients on this machine have registered, read and written without mapping it.

A client may shrink its memory at any moment, and whoever touches a mapping beyond the end is killed. So it
is read and written through its file, where that is only a short count.
"""

import os
import re
import stat
from collections.abc import Callable
from typing import Any, NamedTuple

from labd.api import Peer
from labd.plugins.serving_http.oip.refusals import bad, too_large, unknown
from labd.plugins.serving_http.oip.request import Region

FOLDER = "/dev/shm"
_KEY = re.compile(r"/?([^/\x00]{1,255})")
MOST = 1024


class _Registered(NamedTuple):
    key: str
    offset: int
    size: int
    fd: int
    writable: bool


class Regions:
    """The regions by name. *folder* is where shared memory is; at most *most* are registered at once."""

    def __init__(self, folder: str = FOLDER, most: int = MOST) -> None:
        self._folder, self._most = folder, most
        self._known: dict[str, _Registered] = {}

    def register(self, name: str, key: str, offset: int, size: int, peer: Peer | None) -> None:
        """Take up *size* bytes at *offset* of the memory *key*, as *peer* may. Raises Refusal.

        Nobody known (None) may what this process may; where that is root, what everybody may.
        """
        if name in self._known:
            raise bad(f"shared memory region '{name}' is registered already", hint="unregister it first")
        if len(self._known) >= self._most:
            raise too_large(f"{self._most} regions are registered already", hint="unregister some")
        if not size:
            raise bad(f"shared memory region '{name}' has no bytes", hint="byte_size says how many")
        fd, writable = self._open(key, peer)
        have = os.fstat(fd).st_size
        if offset + size > have:
            os.close(fd)
            raise bad(f"shared memory {key} has {have} bytes, not {size} at {offset}")
        self._known[name] = _Registered(key, offset, size, fd, writable)

    def unregister(self, name: str) -> None:
        """Forget a region; one that is not there is no error, as in Triton."""
        found = self._known.pop(name, None)
        if found is not None:
            os.close(found.fd)

    def clear(self) -> None:
        """Forget every region."""
        for name in list(self._known):
            self.unregister(name)

    def status(self, name: str | None = None) -> list[dict[str, Any]]:
        """What is registered: all of it, or one region. Raises Refusal."""
        if name is not None:
            self._find(name)
        return [
            {"name": known, "key": one.key, "offset": one.offset, "byte_size": one.size}
            for known, one in self._known.items()
            if name in (None, known)
        ]

    def read(self, region: Region) -> bytearray:
        """The bytes of a range. Raises Refusal."""
        found = self._within(region)
        data = bytearray(region.size)
        view, at = memoryview(data), 0
        while at < region.size:
            got = os.preadv(found.fd, [view[at:]], found.offset + region.offset + at)
            if not got:
                raise bad(f"shared memory {found.key} has become shorter than region '{region.name}'")
            at += got
        return data

    def write(self, region: Region, data: bytes | bytearray | memoryview) -> None:
        """Put *data* into a range. Raises Refusal."""
        found = self._within(region)
        if not found.writable:
            raise bad(f"shared memory {found.key} may not be written by who registered it")
        start = found.offset + region.offset
        if os.fstat(found.fd).st_size < start + len(data):
            raise bad(f"shared memory {found.key} has become shorter than region '{region.name}'")
        view, at = memoryview(data).cast("B"), 0
        while at < len(view):
            at += os.pwrite(found.fd, view[at:], start + at)

    def check(self, region: Region) -> None:
        """Raises Refusal for a range that is not within a registered region."""
        self._within(region)

    def _find(self, name: str) -> _Registered:
        found = self._known.get(name)
        if found is None:
            raise unknown(f"there is no shared memory region '{name[:100]}'", hint="register it first")
        return found

    def _within(self, region: Region) -> _Registered:
        found = self._find(region.name)
        if region.offset + region.size > found.size:
            raise bad(
                f"{region.size} bytes at {region.offset} are not within the {found.size} bytes of shared "
                f"memory region '{region.name}'"
            )
        return found

    def _open(self, key: str, peer: Peer | None) -> tuple[int, bool]:
        """The memory *key* and whether it may be written, as *peer* may."""
        found = _KEY.fullmatch(key)
        if found is None or found[1] in (".", ".."):
            raise bad(f"'{key[:100]}' is not the name of a shared memory", hint="a name as shm_open takes it")
        path = f"{self._folder}/{found[1]}"
        flags = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            fd, writable = _open_as_it_goes(path, flags)
        except OSError as error:
            raise bad(f"shared memory {key} cannot be opened: {error.strerror}") from None
        about = os.fstat(fd)
        readable = stat.S_ISREG(about.st_mode) and _may(about, peer, 4)
        if not readable:
            os.close(fd)
            raise bad(f"shared memory {key} cannot be opened: {os.strerror(13)}")
        return fd, writable and _may(about, peer, 2)


def _open_as_it_goes(path: str, flags: int) -> tuple[int, bool]:
    try:
        return os.open(path, os.O_RDWR | flags), True
    except PermissionError:
        return os.open(path, os.O_RDONLY | flags), False


def _may(about: os.stat_result, peer: Peer | None, right: int, root: Callable[[], int] = os.geteuid) -> bool:
    """Whether the mode of a file lets *peer* do what the bit *right* (4 reads, 2 writes) means."""
    if peer is None:
        return root() != 0 or bool(about.st_mode & right)
    if peer.uid == 0:
        return True
    if peer.uid == about.st_uid:
        return bool(about.st_mode >> 6 & right)
    if about.st_gid == peer.gid or about.st_gid in peer.groups:
        return bool(about.st_mode >> 3 & right)
    return bool(about.st_mode & right)
