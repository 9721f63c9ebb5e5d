"""The daemon's end of a keeper's control socket."""

import socket
from typing import Any

import trio

from labd.workers import endings

PACKET = 65_536


class Control:
    """Hears of one worker, and ends it. Owns *connection*; closing it ends the worker too."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self.pid = 0

    def kill(self) -> None:
        """Have the keeper end it all; nothing happens when it is ending already."""
        try:
            self._socket.send(b"end")
        except OSError:
            pass  # it has ended, or was told more than once

    async def wait(self) -> dict[str, Any] | None:
        """What the keeper says last; None when it died without a word."""
        while packet := await self._receive():
            said = endings.read(packet)
            if "reason" in said:
                return said
            self.pid = said["pid"] if type(said.get("pid")) is int else 0
        return None

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()

    async def _receive(self) -> bytes:
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(PACKET)
            except (BlockingIOError, ConnectionResetError):
                continue  # it left with our word unread: the kernel says so once, before its last packet
            except OSError:
                return b""
