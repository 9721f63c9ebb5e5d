"""A connected socket as a trio stream that asks the kernel first and waits only when it must.

A request on a connection that is kept open then costs one wait in all.
"""

import socket

import trio

TURN = 32
"""Pieces that the kernel may take at once before others have their turn."""


class SocketTransport(trio.abc.HalfCloseableStream):
    """Owns *sock*, which is non-blocking. For one task at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._turns = 0
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What is there, at least one byte; empty at the end. Raises BrokenResourceError.

        What is there at once is given after all others had their turn: else a client whose next request is
        always there already would be the only one that is served.
        """
        waited = False
        while True:
            try:
                data = self.sock.recv(max_bytes or 65_536)
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self.sock)
                waited = True
            except OSError as error:
                raise self._lost(error) from error
            else:
                if not waited:  # shielded: what was received must not get lost
                    await trio.lowlevel.cancel_shielded_checkpoint()
                return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of it, waiting for the client as needed. Raises BrokenResourceError."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self.sock.send(rest) :]
                await self._yield()
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self.sock)
            except OSError as error:
                raise self._lost(error) from error

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.wait_writable(self.sock)

    async def send_eof(self) -> None:
        """Say that nothing more comes from here."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise self._lost(error) from error
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        if self.sock.fileno() != -1:
            trio.lowlevel.notify_closing(self.sock)
            self.sock.close()
        await trio.lowlevel.checkpoint()

    async def _yield(self) -> None:
        self._turns += 1
        if self._turns % TURN == 0:
            await trio.lowlevel.cancel_shielded_checkpoint()

    def _lost(self, error: OSError) -> Exception:
        if self.sock.fileno() == -1:
            return trio.ClosedResourceError("the connection is closed on this side")
        return trio.BrokenResourceError(f"the connection is lost: {error}")
