"""The four frames of a request and of its answer: what is asked, and how an answer is said. Pure.

A request of wkr is identity, request id, payload, description; one of its ancestor ``bert_serving`` is
identity, payload, request id, length. They are told apart by the last frame: digits are the ancestor's.
"""

import json
import pickle
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

TERMINATION, SHOW_CONFIG, SHOW_STATUS, EXCEPTION = (
    b"TERMINATION",
    b"SHOW_CONFIG",
    b"SHOW_STATUS",
    b"EXCEPTION",
)

INTERNAL = {b"REGISTER", b"EXPAND_WORKER", b"SQUEEZE_WORKER", b"STATISTIC", b"EMBEDDINGS", b"ENTER_SOCKET",
            b"GETOUT_SOCKET"}  # fmt: skip
"""Words that the processes of the old server said to each other; from a client they stopped it for good."""

PICKLED = b'{"protocol":2,"compress":0}'
ANCESTOR = b'{"format":"json"}'
"""What describes a payload of the ancestor's clients, who send texts as JSON."""

OLD_STATUS = {"server_version": "1.10.0", "show_tokens_to_client": False, "max_seq_len": None}
"""What the ancestor's client looks at before it asks anything."""

MAX_INFO = 64 * 1024
"""Bytes of a description."""


class Asked(NamedTuple):
    """Who asks, and by which number. *old*: a client of the ancestor, who is answered in its own order."""

    identity: bytes
    number: bytes
    old: bool = False


class BadFrames(ValueError):
    """A message that is no request; the words say why. *asked* is who can be told, if anybody."""

    def __init__(self, words: str, asked: Asked | None = None) -> None:
        super().__init__(words)
        self.asked = asked


class Encode(NamedTuple):
    """A payload for the model, described by *info*, which is JSON if it is right. Only workers look."""

    asked: Asked
    info: bytes
    data: bytes


class Status(NamedTuple):
    asked: Asked


class Terminate(NamedTuple):
    pass


Request = Encode | Status | Terminate


def parse(frames: list[bytes]) -> Request:
    """What the message *frames* asks for. Raises BadFrames."""
    if len(frames) != 4:
        raise BadFrames(f"a request has 4 frames, this one {len(frames)}")
    identity, second, third, last = frames
    if last.isdigit():
        return _old(Asked(identity, third, old=True), second)
    return _new(Asked(identity, second), third, last)


def _new(asked: Asked, data: bytes, info: bytes) -> Request:
    if data == TERMINATION:
        return Terminate()
    if data == SHOW_CONFIG:
        return Status(asked)
    if data in INTERNAL:
        raise BadFrames(f"{data.decode()} is no word for clients", asked)
    if len(info) > MAX_INFO:
        words = f"the description of the payload has {len(info)} bytes; {MAX_INFO} is the most"
        raise BadFrames(words, asked)
    return Encode(asked, info, data)


def _old(asked: Asked, data: bytes) -> Request:
    if data == TERMINATION:
        return Terminate()
    if data in (SHOW_CONFIG, SHOW_STATUS):
        return Status(asked)
    return Encode(asked, ANCESTOR, data)


def pack(info: bytes, data: bytes) -> bytes:
    """A payload with its description, as one item for a worker."""
    return b"".join((struct.pack("<I", len(info)), info, data))


def unpack(item: bytes | memoryview) -> tuple[bytes, memoryview]:
    """The description and the payload of what :func:`pack` made."""
    view = memoryview(item)
    (size,) = struct.unpack_from("<I", view)
    return bytes(view[4 : 4 + size]), view[4 + size :]


def result(asked: Asked, info: bytes, data: bytes) -> list[bytes]:
    """The answer with a result. For the ancestor *info* describes an array."""
    if asked.old:
        return [asked.identity, info, data, asked.number]
    return [asked.identity, asked.number, data, info]


def failure(asked: Asked, text: str) -> list[bytes]:
    """The answer that says why there is no result."""
    words = text.encode(errors="backslashreplace")
    if asked.old:
        info = json.dumps({"dtype": "uint8", "shape": [0], "tokens": "", "error": text}).encode()
        return [asked.identity, info, b"", asked.number]
    return [asked.identity, asked.number, words, EXCEPTION]


def status(asked: Asked, values: Mapping[str, Any]) -> list[bytes]:
    """The answer to a question for the status: plain values only, so that any Python reads them."""
    if asked.old:
        return [asked.identity, json.dumps({**values, **OLD_STATUS}).encode(), asked.number]
    return [asked.identity, asked.number, pickle.dumps(dict(values), 2), PICKLED]
