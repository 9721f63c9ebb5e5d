"""``labctl --stdio``: bytes between stdin and stdout and the daemon's socket, for ``labctl -H`` elsewhere."""

import os
import socket
import threading
from collections.abc import Callable

from labd.cli import exits
from labd.wire.blocking import connected

CHUNK = 65_536


def relay(path: str, source: int = 0, target: int = 1) -> int:
    """Carry bytes both ways until either side ends; nothing is looked at. Raises Unreachable."""
    with connected(path, None) as sock:
        threading.Thread(target=_send, args=(sock, source), daemon=True).start()
        carry(lambda: sock.recv(CHUNK), lambda data: _write(target, data))
    return exits.OK


def carry(read: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
    """From *read* to *write* until there is no more, or one of them fails."""
    try:
        while data := read():
            write(data)
    except OSError:
        return  # a peer that went away has ended its side


def _send(sock: socket.socket, source: int) -> None:
    """A thread of its own: a daemon that does not read must not keep its answers from being read."""
    carry(lambda: os.read(source, CHUNK), sock.sendall)
    try:
        sock.shutdown(socket.SHUT_RDWR)  # wakes the other direction
    except OSError:
        return  # it has ended before


def _write(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]
