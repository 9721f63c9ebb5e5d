"""The shims that are there, and which of them may have another attempt.

Each shim has a channel of its own to the daemon: attempts go one way, their ends come back. A new shim is
forked only where none is idle. Who closes a channel, or dies, is seen at once by the other.
"""

import array
import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress

import trio

from labd.jobs.launch import Launcher, LaunchError, LaunchUnknown, Reply

PACKET = 65536
KEPT = 1.0
"""Seconds that a shim is kept with nothing to do."""

SPARE = 1
"""Idle shims that are kept for whoever comes next: no fork between a submit and a start."""

MOST = 16
"""Idle shims; there is no use for more than can be started at one moment."""

Heard = Callable[[bool], None]
"""Called once when an attempt is over; with False when its shim is gone, or nobody can say."""


class Shims:
    """Launches attempts, and says when they are over."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self._idle: list[_Shim] = []
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen to shims until cancelled. Shims outlive this as long as their attempts do."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                self._nursery, self._idle = None, []

    async def launch(self, folder: str, lock: int, heard: Heard) -> int:
        """Start the prepared attempt *folder*, as :meth:`Launcher.launch` does; *heard* tells of its end."""
        if self._idle:
            return await self._hand_over(self._idle.pop(), folder, lock, heard)
        if self._nursery is None:
            os.close(lock)
            raise LaunchError(f"cannot start {folder}: labd is stopping")
        return await self._fork(self._nursery, folder, lock, heard)

    async def _hand_over(self, shim: "_Shim", folder: str, lock: int, heard: Heard) -> int:
        try:
            shim.take(folder, lock, heard)
        except OSError:  # it has just died, with nothing in its hands
            return await self.launch(folder, lock, heard)
        os.close(lock)
        return await shim.answer()

    async def _fork(self, nursery: trio.Nursery, folder: str, lock: int, heard: Heard) -> int:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        shim = _Shim(ours, folder, heard)
        nursery.start_soon(self._listen, shim)
        with theirs:
            try:
                return await self._launcher.launch(folder, lock, theirs.fileno())
            except BaseException:
                shim.refuse()
                raise

    async def _listen(self, shim: "_Shim") -> None:
        with shim.connection:
            while heard := await shim.listen():
                self._offer(shim)
                heard(True)
        with suppress(ValueError):
            self._idle.remove(shim)
        shim.gone()

    def _offer(self, shim: "_Shim") -> None:
        if len(self._idle) >= MOST:
            return shim.dismiss()
        self._idle.append(shim)
        shim.idle_since = trio.current_time()
        if len(self._idle) == SPARE + 1 and self._nursery is not None:
            self._nursery.start_soon(self._dismiss)
        return None

    async def _dismiss(self) -> None:
        """Let those go that had nothing to do for a while, but one; the one used last is used first."""
        while len(self._idle) > SPARE:
            await trio.sleep_until(self._idle[0].idle_since + KEPT)
            while len(self._idle) > SPARE and trio.current_time() >= self._idle[0].idle_since + KEPT:
                self._idle.pop(0).dismiss()


class _Shim:
    """Our end of one channel: what its shim was asked, and whom to tell."""

    def __init__(self, connection: socket.socket, folder: str, heard: Heard) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.idle_since = 0.0
        self._heard: Heard | None = heard
        self._reply = Reply(folder)

    def take(self, folder: str, lock: int, heard: Heard) -> None:
        """Ask it to own the attempt in *folder*. Raises OSError when it is gone and was asked nothing."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [lock]))]
        self.connection.sendmsg([json.dumps({"dir": folder}).encode()], rights)
        self._heard, self._reply = heard, Reply(folder)

    async def answer(self) -> int:
        """Its pid, once it has the attempt. Raises LaunchError or LaunchUnknown."""
        return await self._reply.wait()

    async def listen(self) -> Heard | None:
        """Whom to tell that its attempt is over, when it has none any more; None when the shim is gone."""
        while True:
            await trio.lowlevel.wait_readable(self.connection)
            try:
                message = json.loads(self.connection.recv(PACKET) or b"null")
            except BlockingIOError:
                continue
            except (ConnectionResetError, ValueError):
                return None
            if not isinstance(message, dict):
                return None
            self._deliver(message)
            if "pid" not in message:
                return self._at_rest()

    def refuse(self) -> None:
        """Its first attempt was not launched: there is nothing to hear of."""
        self._heard = None

    def dismiss(self) -> None:
        """Have it go, which it is seen to do like any other end."""
        self.connection.shutdown(socket.SHUT_RDWR)

    def gone(self) -> None:
        """It is dead: tell whoever waits for it that nobody will."""
        self._reply.fail(LaunchUnknown(f"the shim died while it was asked to start {self._reply.folder}"))
        if self._heard is not None:
            self._heard(False)

    def _at_rest(self) -> Heard:
        heard, self._heard = self._heard, None
        return heard or _nobody

    def _deliver(self, message: dict[str, object]) -> None:
        pid = message.get("pid")
        if isinstance(pid, int):
            self._reply.succeed(pid)
        elif "error" in message:
            self._heard = None
            self._reply.fail(LaunchError(f"cannot start {self._reply.folder}: {message.get('error')}"))


def _nobody(over: bool) -> None:
    """Who asked has given up meanwhile."""
