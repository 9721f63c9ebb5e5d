"""The bytes of an answer: its head, and the frames of its body. Pure, but for the date."""

import time
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from labd.errors import InternalError

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"

OURS = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"date"})
"""Fields that the server decides upon, whatever an application says."""

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@lru_cache(maxsize=128)
def status_line(status: int) -> bytes:
    return f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\n".encode()


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return f"date: {formatdate(second, usegmt=True)}\r\n".encode()


def date() -> bytes:
    """The line that says what time it is."""
    return _date(int(time.time()))


def bodiless(status: int) -> bool:
    """Whether an answer with this status never has a body."""
    return status < 200 or status in (204, 304)


def head(status: int, fields: Iterable[tuple[bytes, bytes]], ours: bytes) -> bytes:
    """The head with *fields* and the lines *ours*. Raises InternalError for what would break out of it."""
    if not 200 <= status <= 999:
        raise InternalError(f"an answer has the status {status!r}")
    lines = [b"%b: %b\r\n" % field for field in fields if field[0].lower() not in OURS]
    block = b"".join(lines)
    if block.count(b"\n") != len(lines) or block.count(b"\r") != len(lines) or b"\0" in block:
        raise InternalError("a field of an answer has a line break")
    return b"".join((status_line(status), block, date(), ours, b"\r\n"))


def chunk(data: bytes) -> bytes:
    """One frame of a chunked body; nothing for nothing, which would be the end."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
