"""Listening sockets that systemd opened for us, so that clients wait through a restart.

The protocol is https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html.
"""

import logging
import os
import socket
from collections.abc import MutableMapping
from typing import NamedTuple

log = logging.getLogger("labd.systemd")

FIRST = 3
"""The first descriptor that is passed."""


class Passed(NamedTuple):
    """One passed socket, and its ``FileDescriptorName=`` (``labd.socket`` when the unit says nothing)."""

    name: str
    socket: socket.socket


def take_sockets(
    env: MutableMapping[str, str] = os.environ, pid: int | None = None, first: int = FIRST
) -> list[Passed]:
    """The listening stream sockets meant for process *pid* (this one), closed on exec.

    ``LISTEN_FDS``, ``LISTEN_PID`` and ``LISTEN_FDNAMES`` leave *env*. Anything else among the
    descriptors is closed, and the log says so.
    """
    count = env.pop("LISTEN_FDS", "")
    meant = env.pop("LISTEN_PID", "")
    names = env.pop("LISTEN_FDNAMES", "").split(":")
    if not count.isdecimal() or meant != str(os.getpid() if pid is None else pid):
        return []
    descriptors = range(first, first + int(count))
    named = zip(descriptors, [*names, *[""] * len(descriptors)], strict=False)
    return [passed for fd, name in named if (passed := _adopt(fd, name))]


def _adopt(fd: int, name: str) -> Passed | None:
    try:
        os.set_inheritable(fd, False)
        adopted = socket.socket(fileno=fd)
    except OSError as error:
        log.warning("systemd passed descriptor %d (%s), which is no socket: %s", fd, name, error)
        return None
    if adopted.type == socket.SOCK_STREAM and _listens(adopted):
        return Passed(name, adopted)
    log.warning("systemd passed descriptor %d (%s), which is no listening stream socket; closed", fd, name)
    adopted.close()
    return None


def _listens(adopted: socket.socket) -> bool:
    return adopted.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
