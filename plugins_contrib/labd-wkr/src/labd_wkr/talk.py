"""ZMTP over a blocking socket, for programs: one connection as PUSH, PULL or SUB."""

import socket
import time
from typing import Self

from labd_wkr.zmtp import Message, Session, message, subscription


class Talk:
    """A connection to *host* and *port* as the socket *kind*.

    *timeout* is seconds for each step, None for ever. Raises OSError; TimeoutError is one.
    """

    def __init__(self, kind: bytes, host: str, port: int, timeout: float | None) -> None:
        self._socket = socket.create_connection((host, port), timeout=timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._session = Session(kind)
        self._messages: list[list[bytes]] = []
        self._flush()
        while not self._session.ready:
            self._hear()

    def send(self, frames: list[bytes]) -> None:
        self._socket.sendall(message(frames))

    def subscribe(self, prefix: bytes) -> None:
        self._socket.sendall(subscription(prefix))

    def receive(self, timeout: float | None) -> list[bytes]:
        """The next message. Raises TimeoutError, ConnectionError."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self._messages:
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError(f"no answer within {timeout:g} s")
            self._socket.settimeout(left)
            self._hear()
        return self._messages.pop(0)

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _hear(self) -> None:
        data = self._socket.recv(256 * 1024)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._messages += [each.frames for each in self._session.feed(data) if isinstance(each, Message)]
        self._flush()

    def _flush(self) -> None:
        if self._session.outgoing:
            self._socket.sendall(self._session.take())


def terminate(host: str, port: int, timeout: float) -> bool:
    """Ask the server there to stop; whether one was reached. *timeout* is seconds."""
    try:
        with Talk(b"PUSH", host, port, timeout) as talk:
            talk.send([b"", b"", b"TERMINATION", b""])
            return True
    except OSError:
        return False
