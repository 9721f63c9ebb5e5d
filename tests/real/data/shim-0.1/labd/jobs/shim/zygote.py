"""The small process that shims are forked from, so that a fork costs a millisecond whatever the daemon holds.

A request is one packet: the JSON map ``{"dir": attempt folder}`` with the locked descriptor of its
``lock`` file attached. The reply is ``{"dir", "pid"}``, or ``{"dir", "error"}`` when nothing was started.
A packet that was sent and never received still holds the lock; it goes with the zygote.
"""

from __future__ import annotations

import array
import gc
import json
import os
import signal
import socket
import traceback
import warnings  # noqa: F401 - os.execvpe wants it; imported here, all shims share it

from labd.jobs.shim import kernel, marks, shim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

PACKET = 65536
DEAF = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)


def main(fd: int) -> NoReturn:
    """Serve the socket *fd* until its other end closes, all queued requests included."""
    os.chdir("/")
    for signum in DEAF:  # shims keep this: a TERM to the whole unit must not lose an exit code
        signal.signal(signum, signal.SIG_IGN)
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
        space = socket.CMSG_SPACE(array.array("i").itemsize)
        packet, extra, _, _ = connection.recvmsg(PACKET, space, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        return True  # the daemon went with replies unread; its requests are still queued
    if not packet:
        return False
    try:
        connection.send(json.dumps(_answer(connection, packet, _descriptors(extra))).encode())
    except (BrokenPipeError, ConnectionResetError):
        pass  # nobody waits for the reply; the lock tells the next daemon
    return True


def _descriptors(extra: list[tuple[int, int, bytes]]) -> list[int]:
    fds = array.array("i")
    for level, kind, data in extra:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return list(fds)


def _answer(connection: socket.socket, packet: bytes, held: list[int]) -> dict[str, object]:
    folder = ""
    try:
        folder = str(json.loads(packet)["dir"])
        if len(held) != 1:
            raise ValueError(f"{len(held)} descriptors instead of the lock")
        held.append(_open_ctl(folder))
        return {"dir": folder, "pid": _fork(connection, folder, held[1])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return {"dir": folder, "error": str(error)}
    finally:
        for fd in held:
            os.close(fd)


def _open_ctl(folder: str) -> int:
    """The fifo for commands, read and write, so that it never reports a hang-up.

    It is made before the reply: whoever knows that the attempt was started can cancel it.
    """
    path = os.path.join(folder, marks.CTL)
    os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


def _fork(connection: socket.socket, folder: str, ctl: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        connection.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        shim.run(folder, ctl)
    except BaseException:
        traceback.print_exc()  # into the job's log, if it got that far
    finally:
        os._exit(0)
