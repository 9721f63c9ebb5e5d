"""The small process that shims are forked from, so that a fork costs a millisecond whatever the daemon holds.

With a :mod:`request <labd.jobs.shim.requests>` may come, after the lock, the shim's end of a channel to the
daemon. The reply is ``{"dir", "pid"}``, or ``{"dir", "error"}`` when nothing was started.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import traceback
import warnings  # noqa: F401 - os.execvpe wants it; imported here, all shims share it

from labd.jobs.shim import outset, requests, serve
from labd.process import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main(fd: int) -> NoReturn:
    """Serve the socket *fd* until its other end closes, all queued requests included."""
    os.chdir("/")
    outset.turn_deaf()  # shims keep this
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the shims
    kernel.set_name(b"labd-zygote")
    gc.disable()
    gc.freeze()  # what a shim never touches stays shared
    connection = socket.socket(fileno=fd)
    while _serve(connection):
        pass
    os._exit(0)


def _serve(connection: socket.socket) -> bool:
    try:
        packet, held = requests.receive(connection)
    except ConnectionResetError:
        return True  # the daemon went with replies unread; its requests are still queued
    if not packet:
        return False
    try:
        requests.send(connection, _answer(connection, packet, held))
    except (BrokenPipeError, ConnectionResetError):
        pass  # nobody waits for the reply; the lock tells the next daemon
    return True


def _answer(connection: socket.socket, packet: bytes, held: list[int]) -> dict[str, object]:
    folder = ""
    try:
        folder = requests.folder_in(packet)
        if len(held) not in (1, requests.MOST):
            raise ValueError(f"{len(held)} descriptors instead of the lock")
        held.insert(1, requests.open_ctl(folder))
        return {"dir": folder, "pid": _fork(connection, folder, *held)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return {"dir": folder, "error": str(error)}
    finally:
        for fd in held:
            os.close(fd)


def _fork(connection: socket.socket, folder: str, lock: int, ctl: int, channel: int = -1) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        connection.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        serve.serve(folder, lock, ctl, None if channel < 0 else socket.socket(fileno=channel))
    except BaseException:
        traceback.print_exc()  # into the job's log, if it got that far
    finally:
        os._exit(0)
