"""A socket as the link needs it: what can be sent at once is, without a turn of the loop."""

import socket
from typing import Protocol

import trio


class Transport(Protocol):
    def send_nowait(self, data: bytes) -> int:
        """Bytes of *data* that are sent. Raises OSError."""
        ...

    async def send_all(self, data: bytes) -> None: ...

    async def receive(self, size: int) -> bytes:
        """Some bytes; nothing when the other side closed. Raises OSError."""
        ...

    def end(self) -> None:
        """Say that no more will be sent."""
        ...

    def close(self) -> None: ...


class SocketTransport:
    """A connected stream socket, which it makes non-blocking and owns."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection

    def send_nowait(self, data: bytes) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    async def send_all(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            await trio.lowlevel.wait_writable(self._socket)
            rest = rest[self.send_nowait(bytes(rest[:1_048_576])) :]

    async def receive(self, size: int) -> bytes:
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(size)
            except BlockingIOError:
                continue

    def end(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other side was faster

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()
