"""What the zygote and the shims are asked: to own the attempt in a folder.

A request is one packet: the JSON map ``{"dir": attempt folder}`` with descriptors attached, first the
locked one of the folder's ``lock`` file. A packet that was sent and never received still holds the lock;
it goes with the last who could have received it.
"""

from __future__ import annotations

import array
import json
import os
import socket

from labd.jobs.shim import marks

PACKET = 65536
MOST = 2  # descriptors with one request


def receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    """The next packet and its descriptors; an empty packet when the other end is closed. Raises OSError."""
    space = socket.CMSG_SPACE(MOST * array.array("i").itemsize)
    packet, extra, _, _ = connection.recvmsg(PACKET, space, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, kind, data in extra:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return packet, list(fds)


def send(connection: socket.socket, answer: dict[str, object]) -> None:
    """Raises BrokenPipeError or ConnectionResetError when nobody waits for it."""
    connection.send(json.dumps(answer).encode())


def folder_in(packet: bytes) -> str:
    """Raises ValueError, KeyError or TypeError for what is no request."""
    return str(json.loads(packet)["dir"])


def open_ctl(folder: str) -> int:
    """Make the fifo for commands; read and write, so that it never reports a hang-up.

    It is made before the reply: whoever knows that the attempt was started can cancel it.
    """
    path = os.path.join(folder, marks.CTL)
    os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)
