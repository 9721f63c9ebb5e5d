"""The way of the interface to another machine: ``ssh HOST labctl --stdio``, again after each loss.

ssh is never let at the terminal, which is ours: it fails where it would ask for a password.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from labd.cli.far import Far
from labd.cli.remote import login
from labd.cli.remote_faults import explained, no_ssh
from labd.errors import LabdError

FIRST_PAUSE, LAST_PAUSE = 0.25, 4.0
"""Seconds before another try, after one that failed: a login costs more than a socket."""

KEPT = 16_384
"""Bytes of what ssh says that are kept, the last ones."""


class Ssh:
    """Connects to the labd of *far*; *tell* hears why that failed."""

    def __init__(self, far: Far, tell: Callable[[LabdError], None] = lambda error: None) -> None:
        self.far, self.tell = far.silent(), tell
        self._pause = 0.0
        self._watches: set[asyncio.Task[None]] = set()

    async def __call__(self, path: str) -> socket.socket:
        """A new connection; OSError when ssh cannot be started."""
        await asyncio.sleep(self._pause)
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                child = await self._started(theirs)
            except OSError as error:
                ours.close()
                self.tell(no_ssh(self.far.ssh[0], error))
                raise
        watch = asyncio.create_task(self._watched(child))
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)
        ours.setblocking(False)
        return ours

    async def login(self) -> dict[str, Any]:
        """``cwd`` and ``env`` of whoever logs in there. Raises Unreachable."""
        return await asyncio.to_thread(login, self.far)

    async def _started(self, end: socket.socket) -> asyncio.subprocess.Process:
        pipe, words = asyncio.subprocess.PIPE, self.far.command("--stdio")
        return await asyncio.create_subprocess_exec(
            *words, stdin=end.fileno(), stdout=end.fileno(), stderr=pipe, start_new_session=True
        )

    async def _watched(self, child: asyncio.subprocess.Process) -> None:
        """Hear what it says until it ends; it ends by itself when its stdin does."""
        said = b""
        assert child.stderr is not None
        while data := await child.stderr.read(KEPT):
            said = (said + data)[-KEPT:]
        code = await child.wait()
        self._pause = min(max(self._pause * 2, FIRST_PAUSE), LAST_PAUSE) if code else 0.0
        if code:
            self.tell(explained(self.far.host, code, said.decode(errors="replace")))
