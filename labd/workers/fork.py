"""The daemon's side of a forker: starting one, and asking it for keepers."""

import array
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from labd.errors import WorkerLost
from labd.workers import boot

PATIENCE = 2.0  # seconds


def request(connection: socket.socket, order: dict[str, Any], fds: Sequence[int]) -> socket.socket:
    """Ask the forker behind *connection* for a keeper; the control socket of the keeper.

    *fds* are what the worker has from descriptor 1 on; they remain the caller's. Raises OSError.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    written = os.memfd_create("labd-order")
    try:
        os.set_blocking(theirs.fileno(), True)
        with open(written, "wb", closefd=False) as file:
            file.write(json.dumps(order).encode())
        rights = array.array("i", [written, theirs.fileno(), *fds])
        connection.sendmsg([b"fork"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
        os.close(written)
    return ours


class Forker:
    """The forker of fresh workers and of templates; started when it is first needed, and when it died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self.starts = 0

    def request(self, order: dict[str, Any], fds: Sequence[int]) -> socket.socket:
        """As :func:`request`; WorkerLost when there is no forker to be had."""
        try:
            return request(self._ready(), order, fds)
        except OSError as error:
            raise WorkerLost(f"worker {order['name']} cannot be started: {error}") from error

    def close(self) -> None:
        """Let it go; its keepers stay until their own sockets close. Waits for its end, for a moment."""
        if self._socket is not None and self._process is not None:
            self._socket.close()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._socket = self._process = None

    def _ready(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._socket is None:
            self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = subprocess.Popen(
                    boot.forker(sys.executable, theirs.fileno()),
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env={"PATH": os.defpath},
                    start_new_session=True,
                )
            self._socket.setblocking(False)
            self.starts += 1
        return self._socket
