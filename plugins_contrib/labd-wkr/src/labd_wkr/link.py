"""A connected socket: answers are written at once where it takes them, else by a task."""

import socket
from collections import deque

import trio

ROOM = 256 * 2**20
"""Bytes that may wait for a client who does not read."""

CHUNK = 256 * 1024


class Link:
    """Owns *sock*, which is non-blocking."""

    def __init__(self, sock: socket.socket, room: int = ROOM) -> None:
        self._socket, self._room = sock, room
        self._queue: deque[memoryview] = deque()
        self._wake = trio.Event()
        self._broken = False
        self.waiting = 0
        """Bytes that the socket has not taken yet."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def receive(self) -> bytes:
        """What comes next; empty at the end. Raises OSError."""
        await trio.lowlevel.wait_readable(self._socket)
        return self._socket.recv(CHUNK)

    def send(self, data: bytes) -> None:
        """Have *data* sent, after all that was before; never blocks, never raises."""
        view = memoryview(data)
        if not self._queue:
            view = view[self._now(view) :]
        if view and not self._broken:
            self._queue.append(view)
            self.waiting += len(view)
            self._wake.set()

    async def run(self) -> None:
        """Send what waits, until cancelled. Raises OSError for a client who is gone, or does not read."""
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            while self._queue and not self._broken:
                if self.waiting > self._room:
                    raise BlockingIOError(f"{self.waiting} bytes wait for a client who does not read")
                await trio.lowlevel.wait_writable(self._socket)
                self._advance(self._now(self._queue[0]))
            if self._broken:
                raise BrokenPipeError("the client is gone")

    def close(self) -> None:
        """No more, either way."""
        trio.lowlevel.notify_closing(self._socket)
        self._socket.close()
        self._broken, self.waiting = True, 0
        self._queue.clear()

    def _advance(self, count: int) -> None:
        self.waiting -= count
        rest = self._queue.popleft()[count:]
        if rest:
            self._queue.appendleft(rest)

    def _now(self, view: memoryview) -> int:
        """How many bytes the socket takes without waiting."""
        try:
            return 0 if self._broken else self._socket.send(view)
        except BlockingIOError:
            return 0
        except OSError:
            self._broken = True
            self._wake.set()
            return 0
