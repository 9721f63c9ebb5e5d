"""Whose the other end of a connection within this machine is, by the kernel's tables."""

import socket
import struct
from typing import Any

TABLES = {socket.AF_INET: "/proc/net/tcp", socket.AF_INET6: "/proc/net/tcp6"}


def ends(sock: socket.socket) -> tuple[int, str, str] | None:
    """The family and both ends of *sock* as those tables write them: theirs, ours."""
    try:
        return (
            sock.family,
            _written(sock.family, sock.getpeername()),
            _written(sock.family, sock.getsockname()),
        )
    except OSError:
        return None


def owner(found: tuple[int, str, str] | None) -> int | None:
    """The user who has the other end; None when it is on another machine, or has been closed."""
    if found is None or found[0] not in TABLES:
        return None
    try:
        with open(TABLES[socket.AddressFamily(found[0])]) as table:
            rows = (line.split() for line in table)
            return next((int(row[7]) for row in rows if row[1:3] == [found[1], found[2]]), None)
    except (OSError, IndexError, ValueError):
        return None


def _written(family: int, name: tuple[Any, ...]) -> str:
    packed = socket.inet_pton(family, name[0])
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{name[1]:04X}"
