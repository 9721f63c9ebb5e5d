"""How large a message may be, and a look at one that has not arrived whole.

Six bytes can claim four billion elements, and a kilobyte of headers can nest a thousand arrays.
:class:`Guard` reads the headers of a message while its end is still to come, so that a claim over a
limit fails at once and nothing is set aside for it. Whole messages are left to msgpack, which is
faster: there every element claimed was sent. The format: https://github.com/msgpack/msgpack/blob/master/spec.md.
"""

from typing import NamedTuple

from labd.errors import ProtocolError
from labd.wire.messages import MAX_CONTAINERS, MAX_FRAME

LOOK_AHEAD = 65_536
"""Bytes of an unfinished message that are looked at: later claims are held by the frame limit alone."""


class Limits(NamedTuple):
    """Upper bounds of one message; *frame* also bounds each str, bin and ext in it.

    The defaults are what the daemon takes from a client it does not know.
    """

    frame: int = MAX_FRAME
    containers: int = MAX_CONTAINERS
    length: int = 131_072
    depth: int = 64


REPLY_LIMITS = Limits(frame=256 * 2**20, containers=2**23, length=2**23, depth=1024)
"""What a client takes from the daemon it chose to ask: a long list is no attack."""


class _Head(NamedTuple):
    """One header: its kind, its own bytes, the bytes of its payload and how many elements follow."""

    kind: str
    size: int
    payload: int = 0
    elements: int = 0


_VARIABLE = {0xC4: "bin", 0xC5: "bin", 0xC6: "bin", 0xD9: "str", 0xDA: "str", 0xDB: "str"}
_VARIABLE |= {0xC7: "ext", 0xC8: "ext", 0xC9: "ext", 0xDC: "array", 0xDD: "array", 0xDE: "map", 0xDF: "map"}
_LENGTH_BYTES = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xC7: 1, 0xC8: 2, 0xC9: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_LENGTH_BYTES |= {0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}
_SCALAR_BYTES = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_SCALAR_BYTES |= {0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17}


def _counted(kind: str, size: int, length: int) -> _Head:
    if kind in ("array", "map"):
        return _Head(kind, size, elements=length * (1 + (kind == "map")))
    return _Head(kind, size, payload=length + (kind == "ext"))


def _fixed(first: int) -> _Head:
    """The header that *first* is by itself."""
    if 0x80 <= first <= 0x8F:
        return _counted("map", 1, first & 0x0F)
    if 0x90 <= first <= 0x9F:
        return _counted("array", 1, first & 0x0F)
    if 0xA0 <= first <= 0xBF:
        return _counted("str", 1, first & 0x1F)
    return _Head("scalar", 1, payload=_SCALAR_BYTES.get(first, 0))


_FIXED = [_fixed(first) for first in range(256)]


def _head(data: bytearray, at: int) -> _Head | None:
    """The header at *at*, or nothing while it is cut off."""
    first = data[at]
    if first not in _LENGTH_BYTES:
        return _FIXED[first]
    size = 1 + _LENGTH_BYTES[first]
    if at + size > len(data):
        return None
    return _counted(_VARIABLE[first], size, int.from_bytes(data[at + 1 : at + size], "big"))


class Guard:
    """Checks the beginning of one message against *limits*, as its bytes arrive."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._at = 0
        self._open: list[int] = []  # the elements still to come of each container around this place

    def look(self, data: bytearray) -> None:
        """Look at what is new in *data*, the message so far; :class:`ProtocolError` over a limit."""
        end = min(len(data), LOOK_AHEAD)
        while self._at < end:
            head = _head(data, self._at)
            if head is None:
                return
            self._check(head)
            self._at += head.size + head.payload
            self._step(head.elements)

    def _check(self, head: _Head) -> None:
        if head.payload > self._limits.frame:
            raise too_large(f"one {head.kind} of {head.payload} bytes", self._limits.frame, "bytes")
        length = head.elements // 2 if head.kind == "map" else head.elements
        if length > self._limits.length:
            raise too_large(f"one {head.kind} of {length} elements", self._limits.length, "elements")
        if head.kind in ("array", "map") and len(self._open) >= self._limits.depth:
            raise too_large("nesting", self._limits.depth, "levels")

    def _step(self, elements: int) -> None:
        if self._open:
            self._open[-1] -= 1
        if elements:
            self._open.append(elements)
        while self._open and self._open[-1] == 0:
            self._open.pop()


def too_large(what: str, limit: int, unit: str) -> ProtocolError:
    """The error of a message that goes over *limit*."""
    return ProtocolError(f"the peer sent {what}, over the limit of {limit} {unit}")
