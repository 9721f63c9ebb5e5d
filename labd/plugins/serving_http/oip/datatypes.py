"""The datatypes of the protocol, and their elements as JSON and as bytes (little endian, packed). Pure."""

import struct
import sys
from array import array
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from labd.plugins.serving_http.oip.refusals import bad

Bytes = bytes | bytearray | memoryview


class Datatype(NamedTuple):
    """*size*: bytes of an element, 0 where each has its own; *code*: that of array and struct; *json*: the
    type of an element there, None where there is no such form.
    """

    name: str
    size: int
    code: str
    json: type | None


_ALL = (
    Datatype("BOOL", 1, "?", bool),
    Datatype("UINT8", 1, "B", int), Datatype("UINT16", 2, "H", int),
    Datatype("UINT32", 4, "I", int), Datatype("UINT64", 8, "Q", int),
    Datatype("INT8", 1, "b", int), Datatype("INT16", 2, "h", int),
    Datatype("INT32", 4, "i", int), Datatype("INT64", 8, "q", int),
    Datatype("FP16", 2, "e", None), Datatype("BF16", 2, "", None),
    Datatype("FP32", 4, "f", float), Datatype("FP64", 8, "d", float),
    Datatype("BYTES", 0, "", str),
)  # fmt: skip
DATATYPES = {one.name: one for one in _ALL}

_DECODERS: dict[type, msgspec.json.Decoder[list[Any]]] = {
    kind: msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]
    for kind in (bool, int, float, str)
}
_NESTED = msgspec.json.Decoder(list[Any])
_LENGTH = struct.Struct("<I")


def elements(shape: tuple[int, ...]) -> int:
    """How many elements a tensor of *shape* has."""
    count = 1
    for length in shape:
        count *= length
    return count


# -- JSON ----------------------------------------------------------------------------------------


def from_json(name: str, kind: Datatype, raw: Bytes) -> bytes:
    """The bytes of the tensor *name* whose data is the JSON list *raw*, flat or nested. Raises Refusal."""
    if kind.json is None:
        raise bad(f"input '{name}': {kind.name} has no form in JSON", hint="send it as a binary tensor")
    try:
        return _packed(kind, _values(kind.json, raw))
    except msgspec.DecodeError as error:
        raise bad(f"input '{name}': its data is not a list of {kind.name}: {error}") from None
    except (OverflowError, struct.error):
        raise bad(f"input '{name}': its data has a value that {kind.name} cannot hold") from None
    except (_Ragged, RecursionError):
        raise bad(f"input '{name}': the lists in its data are not of one length") from None


def to_json(name: str, kind: Datatype, data: Bytes) -> list[Any]:
    """The elements of the tensor *name* as a flat list. Raises Refusal."""
    if kind.name == "BYTES":
        return [_text(name, one) for one in split(data)]
    if kind.json is None:
        raise bad(f"output '{name}': {kind.name} has no form in JSON", hint="ask for it with binary_data")
    if sys.byteorder == "little":
        return list(memoryview(data).cast("B").cast(kind.code))  # type: ignore[call-overload]
    return list(struct.unpack(f"<{memoryview(data).nbytes // kind.size}{kind.code}", data))


class _Ragged(Exception):
    pass


def _values(kind: type, raw: Bytes) -> list[Any]:
    try:
        return _DECODERS[kind].decode(raw)
    except msgspec.ValidationError:
        values = _NESTED.decode(raw)
        if not values or not isinstance(values[0], list):
            raise
        return msgspec.convert(_flat(values), list[kind])  # type: ignore[valid-type]


def _flat(values: list[Any]) -> list[Any]:
    while values and isinstance(values[0], list):
        if any(not isinstance(one, list) or len(one) != len(values[0]) for one in values):
            raise _Ragged
        values = list(chain.from_iterable(values))
    return values


def _packed(kind: Datatype, values: list[Any]) -> bytes:
    if kind.name == "BYTES":
        return join([one.encode() for one in values])
    if kind.name == "BOOL":
        return bytes(values)
    if sys.byteorder == "little":
        return array(kind.code, values).tobytes()
    return struct.pack(f"<{len(values)}{kind.code}", *values)


def _text(name: str, one: bytes) -> str:
    try:
        return one.decode()
    except UnicodeDecodeError:
        raise bad(
            f"output '{name}' has bytes that are not UTF-8", hint="ask for it with binary_data"
        ) from None


# -- BYTES ---------------------------------------------------------------------------------------


def join(items: list[bytes]) -> bytes:
    """Elements of BYTES, each with its length before it."""
    return b"".join(chain.from_iterable((_LENGTH.pack(len(one)), one) for one in items))


def split(data: Bytes) -> list[bytes]:
    """The elements in *data*. Raises ValueError when a length leads beyond its end."""
    view, at, found = memoryview(data).cast("B"), 0, []
    while at < len(view):
        if at + 4 > len(view):
            raise ValueError("a length is cut off")
        (size,) = _LENGTH.unpack_from(view, at)
        if at + 4 + size > len(view):
            raise ValueError("an element is cut off")
        found.append(bytes(view[at + 4 : at + 4 + size]))
        at += 4 + size
    return found


def count(data: Bytes) -> int:
    """How many elements of BYTES there are in *data*. Raises ValueError."""
    return len(split(data))
