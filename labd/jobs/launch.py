"""Handing attempts to the zygote, and keeping a zygote there to hand them to.

The lock's descriptor travels with the request, so that the lock is held from before the request until
the shim's death, without a gap. That makes every outcome of a crash in between readable from the folder.
"""

import array
import json
import os
import socket
from contextlib import ExitStack
from typing import NamedTuple

import trio

from labd.errors import InternalError
from labd.jobs.shim.spawn import Zygote, start_zygote

PACKET = 65536
LONG_LIFE, RETRY_DELAY = 5.0, 0.5  # seconds; a zygote that died sooner is not replaced at once
PATIENCE = 5.0  # seconds for a zygote to serve what is queued when we stop


class LaunchError(InternalError):
    """The attempt was provably not started; its lock is free again."""

    title = "cannot start the job"


class LaunchUnknown(InternalError):
    """The zygote died with the request; :func:`labd.jobs.attempts.inspect` knows what became of it."""

    title = "start of the job unknown"


class Statistics(NamedTuple):
    """The zygote's pid (0: none now), and counts: started, refused, waiting for a reply, restarts."""

    zygote: int
    launched: int
    failed: int
    waiting: int
    restarts: int


class Launcher:
    """Starts shims through a zygote, and replaces the zygote when it dies.

    *zygote* is one that was started earlier by :func:`labd.jobs.shim.spawn.start_zygote`, before the
    process grew; without it :meth:`run` starts its own.
    """

    def __init__(self, zygote: Zygote | None = None) -> None:
        self._next = zygote
        self._pid = 0
        self._socket: trio.socket.SocketType | None = None
        self._ready = trio.Event()
        self._turn = trio.Lock()  # a socket has room for one waiting sender
        self._replies: dict[str, Reply] = {}
        self._launched = self._failed = self._restarts = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep a zygote until cancelled; ready when the first one is there. Raises OSError."""
        zygote = self._take()
        task_status.started()
        while True:
            born = trio.current_time()
            await self._serve(zygote)
            if trio.current_time() - born < LONG_LIFE:
                await trio.sleep(RETRY_DELAY)
            self._restarts += 1
            zygote = self._take()

    async def launch(self, folder: str, lock: int, channel: int | None = None) -> int:
        """Start the shim of the prepared attempt *folder*; its pid, for show only.

        *lock* is the descriptor that :func:`labd.jobs.attempts.prepare` returned: it is taken over, and
        closed whatever happens. *channel* is the descriptor that the shim gets to speak to the daemon
        (:mod:`labd.jobs.shims`). Waits while there is no zygote. When this returns, the attempt can be
        cancelled through its folder. Raises LaunchError or LaunchUnknown.
        """
        try:
            reply = await self._send(folder, [lock] if channel is None else [lock, channel])
        finally:
            os.close(lock)
        try:
            return await reply.wait()
        except LaunchError:
            self._failed += 1
            raise
        finally:
            self._replies.pop(folder, None)

    def statistics(self) -> Statistics:
        return Statistics(self._pid, self._launched, self._failed, len(self._replies), self._restarts)

    def _take(self) -> Zygote:
        zygote, self._next = self._next or start_zygote(), None
        return zygote

    async def _send(self, folder: str, fds: list[int]) -> "Reply":
        async with self._turn:
            while self._socket is None:
                await self._ready.wait()
            reply = self._replies[folder] = Reply(folder)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
            try:
                await self._socket.sendmsg([json.dumps({"dir": folder}).encode()], rights)
            except (OSError, trio.ClosedResourceError) as error:
                del self._replies[folder]
                raise LaunchError(f"the zygote takes no request for {folder}: {error}") from error
            except trio.Cancelled:
                del self._replies[folder]
                raise
        return reply

    async def _serve(self, zygote: Zygote) -> None:
        """Hand replies out until the zygote is gone, and with it its queue and the locks in that."""
        with ExitStack() as stack:
            stack.callback(self._disown)
            connection = stack.enter_context(trio.socket.from_stdlib_socket(zygote.socket))
            self._socket, self._pid = connection, zygote.pid
            self._ready.set()
            try:
                await self._read(connection)
            finally:
                self._ready, self._socket, self._pid = trio.Event(), None, 0
                connection.close()
                await _bury(zygote)

    async def _read(self, connection: trio.socket.SocketType) -> None:
        while True:
            try:
                packet = await connection.recv(PACKET)
            except ConnectionResetError:
                continue  # said once, when it died with requests unread; its replies come after it
            if not packet:
                return
            self._deliver(json.loads(packet))

    def _deliver(self, answer: dict[str, object]) -> None:
        pid = answer.get("pid")
        self._launched += isinstance(pid, int)
        reply = self._replies.get(str(answer.get("dir")))
        if reply is None:
            return  # the one who asked was cancelled
        if isinstance(pid, int):
            reply.succeed(pid)
        else:
            reply.fail(LaunchError(f"cannot start {answer.get('dir')}: {answer.get('error')}"))

    def _disown(self) -> None:
        for reply in self._replies.values():
            reply.fail(LaunchUnknown(f"the zygote died while it was asked to start {reply.folder}"))


class Reply:
    """A place for one answer; the first one counts."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._come = trio.Event()
        self._pid = 0
        self._error: InternalError | None = None

    def succeed(self, pid: int) -> None:
        self._pid = pid
        self._come.set()

    def fail(self, error: InternalError) -> None:
        if not self._come.is_set():
            self._error = error
            self._come.set()

    async def wait(self) -> int:
        await self._come.wait()
        if self._error is not None:
            raise self._error
        return self._pid


async def _bury(zygote: Zygote) -> None:
    """Wait for its death: only then are the descriptors in its queue surely closed. Then collect it."""
    pidfd = os.pidfd_open(zygote.pid)
    try:
        with trio.move_on_after(PATIENCE, shield=True) as patience:
            await trio.lowlevel.wait_readable(pidfd)
        if patience.cancelled_caught:
            zygote.process.kill()  # what it has not begun by now provably never begins
            with trio.move_on_after(PATIENCE, shield=True):
                await trio.lowlevel.wait_readable(pidfd)
    finally:
        os.close(pidfd)
        zygote.process.poll()
