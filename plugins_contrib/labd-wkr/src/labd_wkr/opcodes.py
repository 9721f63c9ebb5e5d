"""What a pickle says, read without doing it: only how far each opcode reaches.

The unpickler makes room for the place in its memo that an opcode names, so that five bytes could ask for
34 GB. No honest pickle names a place beyond its own length.
"""

import pickle
import re

FIXED = {b"h": 1, b"q": 1, b"K": 1, b"M": 2, b"J": 4, b"G": 8, b"j": 4, b"r": 4, b"\x80": 1, b"\x95": 8}
COUNTED = {b"U": 1, b"C": 1, b"\x8c": 1, b"\x8a": 1, b"T": 4, b"B": 4, b"X": 4, b"\x8b": 4, b"\x8d": 8}
COUNTED |= {b"\x8e": 8, b"\x96": 8}
LINES = {b"p": 1, b"g": 1, b"I": 1, b"L": 1, b"F": 1, b"S": 1, b"V": 1, b"c": 2}
SUSPECT = re.compile(rb"r...[^\0]|p\d{7}", re.DOTALL)
"""A place in the memo over 16 million may be in here."""


def check(data: bytes) -> None:
    """Raises UnpicklingError for an opcode that makes room for what is not there."""
    if SUSPECT.search(data):
        _walk(data)


def _walk(data: bytes) -> None:
    at, end = 0, len(data)
    while at < end:
        code = data[at : at + 1]
        place, at = _reach(data, code, at + 1)
        if place > end:
            raise pickle.UnpicklingError(f"the pickle has {end} bytes, and names place {place} of its memo")
        if code == b".":
            return


def _reach(data: bytes, code: bytes, at: int) -> tuple[int, int]:
    """The place in the memo that the opcode names, if it does, and where the next one begins."""
    if code in FIXED:
        stop = at + FIXED[code]
        return (int.from_bytes(data[at:stop], "little") if code == b"r" else 0), stop
    if code in COUNTED:
        stop = at + COUNTED[code]
        return 0, stop + int.from_bytes(data[at:stop], "little")
    place, stop = 0, at
    for _ in range(LINES.get(code, 0)):
        line = data.index(b"\n", stop)
        place, stop = (int(data[stop:line]) if code == b"p" else 0), line + 1
    return place, stop
