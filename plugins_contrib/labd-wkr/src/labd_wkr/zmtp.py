"""ZMTP 3 with the NULL mechanism, without I/O: what libzmq's PUSH, PULL, PUB and SUB say to each other.

A :class:`Session` is one connection. Bytes go in, events and bytes to send come out. We announce 3.0, so a
subscription of libzmq comes as a message; those of 3.1, which are commands, are understood as well.
"""

import struct
from collections.abc import Generator, Iterable
from typing import NamedTuple

MORE, LONG, COMMAND = 1, 2, 4

PEERS = {b"PULL": {b"PUSH"}, b"PUSH": {b"PULL"}, b"PUB": {b"SUB", b"XSUB"}, b"SUB": {b"PUB", b"XPUB"}}
"""Whom each kind of socket speaks to."""

Need = Generator[None, None, bytes]


class ZmtpError(ValueError):
    """The peer does not speak ZMTP 3, or over a limit. The connection is of no use any more."""


class Limits(NamedTuple):
    """The most that a peer may send: bytes of a message, and its frames."""

    message: int = 256 * 2**20
    frames: int = 16


USUAL = Limits()


class Message(NamedTuple):
    """All frames of a message."""

    frames: list[bytes]


class Subscribed(NamedTuple):
    """The peer wants what begins with *prefix*, or does not any more."""

    prefix: bytes
    on: bool


Event = Message | Subscribed

GREETING = b"\xff" + bytes(8) + b"\x7f" + bytes([3, 0]) + b"NULL".ljust(20, b"\0") + bytes(32)


def frame(body: bytes, flags: int = 0) -> bytes:
    """One frame."""
    if len(body) > 255:
        return struct.pack(">BQ", flags | LONG, len(body)) + body
    return bytes((flags, len(body))) + body


def message(frames: Iterable[bytes]) -> bytes:
    """A message of *frames*, of which there is at least one."""
    *first, last = frames
    return b"".join([*(frame(each, MORE) for each in first), frame(last)])


def subscription(prefix: bytes, on: bool = True) -> bytes:
    """What a SUB tells a PUB."""
    return frame(bytes([on]) + prefix)


class Session:
    """One connection as the socket *kind*. Send :attr:`outgoing` whenever it is not empty.

    ``ready`` is true once the peer has said who it is.
    """

    def __init__(self, kind: bytes, limits: Limits = USUAL) -> None:
        self.ready = False
        self.outgoing = bytearray(GREETING + _ready(kind))
        self._kind, self._limits = kind, limits
        self._buffer, self._at = bytearray(), 0
        self._events: list[Event] = []
        self._reading = self._read()

    def feed(self, data: bytes) -> list[Event]:
        """What *data* completes. Raises ZmtpError."""
        self._buffer += data
        next(self._reading)
        del self._buffer[: self._at]
        self._at = 0
        events, self._events = self._events, []
        return events

    def take(self) -> bytes:
        """What is to be sent; it counts as sent."""
        data, self.outgoing = bytes(self.outgoing), bytearray()
        return data

    # -- reading ---------------------------------------------------------------------------------

    def _read(self) -> Generator[None, None, None]:
        yield from self._greeting()
        frames: list[bytes] = []
        while True:
            flags, body = yield from self._frame(sum(map(len, frames)))
            if flags & COMMAND:
                self._command(body)
                continue
            self._part(frames, body)
            if not flags & MORE:
                self._finish(frames)
                frames = []

    def _greeting(self) -> Generator[None, None, None]:
        begin = yield from self._bytes(12)
        if begin[0] != 0xFF or not begin[9] & 1:
            raise ZmtpError("this is no ZMTP: the greeting does not begin with ff and a length")
        if begin[10] < 3:
            raise ZmtpError(f"the peer speaks ZMTP {begin[10]}, which libzmq 3 and older do; 3 is needed")
        rest = yield from self._bytes(52)
        mechanism = rest[:20].rstrip(b"\0")
        if mechanism != b"NULL":
            raise ZmtpError(f"the peer wants the security mechanism {mechanism!r}; NULL is what there is")

    def _frame(self, before: int) -> Generator[None, None, tuple[int, bytes]]:
        flags = (yield from self._bytes(1))[0]
        if flags & ~(MORE | LONG | COMMAND) or (flags & COMMAND and flags & MORE):
            raise ZmtpError(f"a frame has the flags {flags:#04x}, which mean nothing")
        size = int.from_bytes((yield from self._bytes(8 if flags & LONG else 1)))
        if before + size > self._limits.message:
            raise ZmtpError(f"a message of {before + size} bytes is over the limit of {self._limits.message}")
        return flags, (yield from self._bytes(size))

    def _bytes(self, count: int) -> Need:
        while len(self._buffer) - self._at < count:
            yield
        self._at += count
        with memoryview(self._buffer) as view:
            return bytes(view[self._at - count : self._at])

    # -- what was read ---------------------------------------------------------------------------

    def _part(self, frames: list[bytes], body: bytes) -> None:
        if not self.ready:
            raise ZmtpError("the peer sent a message before it said READY")
        if len(frames) == self._limits.frames:
            raise ZmtpError(f"a message has more than {self._limits.frames} frames")
        frames.append(body)

    def _finish(self, frames: list[bytes]) -> None:
        if self._kind != b"PUB":
            self._events.append(Message(frames))
        elif frames[0][:1] in (b"\0", b"\1"):
            self._events.append(Subscribed(frames[0][1:], frames[0][:1] == b"\1"))

    def _command(self, body: bytes) -> None:
        name, rest = _name(body)
        if name == b"READY" and not self.ready:
            self._meet(_properties(rest).get(b"socket-type", b""))
        elif name == b"ERROR":
            raise ZmtpError(f"the peer refused us: {rest[1:]!r}")
        elif name == b"PING":
            self.outgoing += frame(b"\x04PONG" + rest[2:18], COMMAND)
        elif name in (b"SUBSCRIBE", b"CANCEL") and self.ready and self._kind == b"PUB":
            self._events.append(Subscribed(rest, name == b"SUBSCRIBE"))

    def _meet(self, kind: bytes) -> None:
        if kind not in PEERS[self._kind]:
            raise ZmtpError(
                f"the peer is a {kind!r} socket; this is a {self._kind.decode()}: is it the port?"
            )
        self.ready = True


def _ready(kind: bytes) -> bytes:
    properties = {b"Socket-Type": kind}
    packed = [bytes([len(k)]) + k + struct.pack(">I", len(v)) + v for k, v in properties.items()]
    return frame(b"\x05READY" + b"".join(packed), COMMAND)


def _name(body: bytes) -> tuple[bytes, bytes]:
    if not body or len(body) <= body[0]:
        raise ZmtpError("a command has no name")
    return body[1 : 1 + body[0]], body[1 + body[0] :]


def _properties(data: bytes) -> dict[bytes, bytes]:
    """Names in small letters, since they mean the same in any."""
    found: dict[bytes, bytes] = {}
    while data:
        name, data = _name(data)
        size = int.from_bytes(data[:4])
        if len(data) < 4 + size:
            raise ZmtpError("READY has a property whose length is a lie")
        found[name.lower()], data = data[4 : 4 + size], data[4 + size :]
    return found
