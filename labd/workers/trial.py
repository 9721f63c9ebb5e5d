"""What walls are tried with: a process that does what they forbid, and says what it could.

It touches nothing but what its caller made for it: a file, a port, the caller's own pid with signal 0.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import sys

from labd.workers import walls

MADE = ".made"
"""What the name of a file ends with that should never be."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main() -> None:
    """Enter the walls that the command line describes, and print what is broken of their promise."""
    order = json.loads(sys.argv[1])
    if order["walls"]["by"] != "bubblewrap":
        walls.enter(order["walls"])
    sys.stdout.write(json.dumps(broken(order)))


def broken(order: dict[str, Any]) -> list[str]:
    """Each thing that should not have worked, in words. Keys of *order* that are empty are not tried.

    Whether a file was made where it should not be only the caller can see: a worker has a /tmp of its own.
    """
    if order["file"]:
        _makes(order["file"] + MADE)
    tried = {
        "files of others can be read": order["file"] and _reads(order["file"]),
        "the network can be reached": order["port"] and _connects(order["port"]),
        "processes of others can be signalled": order["pid"] and _signals(order["pid"], order["pids"]),
        "the filter of system calls does nothing": order["walls"]["filter"] and not _filtered(),
    }
    return [words for words, failed in tried.items() if failed]


def _reads(path: str) -> bool:
    return _works(lambda: os.close(os.open(path, os.O_RDONLY)))


def _makes(path: str) -> bool:
    return _works(lambda: os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)))


def _connects(port: int) -> bool:
    return _works(lambda: socket.create_connection(("127.0.0.1", port), 1).close())


def _signals(pid: int, namespace: str) -> bool:
    """Numbers of other namespaces are other processes."""
    return namespace == os.readlink("/proc/self/ns/pid") and _works(lambda: os.kill(pid, 0))


def _filtered() -> bool:
    """To leave no namespace changes nothing, and is allowed to everybody without a filter."""
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.unshare(0)) and ctypes.get_errno() == errno.EPERM


def _works(act: Any) -> bool:
    try:
        act()
    except OSError:
        return False
    return True
