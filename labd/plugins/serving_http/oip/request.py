"""A request for inference, from its bytes. Pure.

The head is JSON; the data of a tensor stands in it, follows it, or is in shared memory. A head that is all
about binary tensors is the same in every request of a client but for its ``id``: such heads are remembered.
"""

from functools import lru_cache
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from labd.plugins.serving_http.oip import datatypes
from labd.plugins.serving_http.oip.datatypes import DATATYPES, Bytes, Datatype
from labd.plugins.serving_http.oip.refusals import bad

Length = Annotated[int, Meta(ge=0, le=2**48)]
Name = Annotated[str, Meta(min_length=1, max_length=1024)]

MAX_DIMENSIONS = 32
REMEMBERED = 2048
"""Bytes of the longest head that is remembered."""


class Region(NamedTuple):
    """A range of a shared memory that was registered as *name*."""

    name: str
    offset: int
    size: int


class Input(NamedTuple):
    """A tensor; *data* is None while it is in a *region*."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    data: Bytes | None
    region: Region | None = None


class Wanted(NamedTuple):
    """An output that is asked for; *binary* None: as the request says."""

    name: str
    binary: bool | None = None
    region: Region | None = None


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A request. *timeout* is in seconds, *priority* 1 is the highest, 0 means none; no *outputs*: all."""

    id: str
    inputs: tuple[Input, ...]
    outputs: tuple[Wanted, ...]
    binary: bool
    priority: int
    timeout: float
    parameters: dict[str, Any]


class _Input(msgspec.Struct, frozen=True, gc=False):
    name: Name
    shape: Annotated[list[Length], Meta(max_length=MAX_DIMENSIONS)]
    datatype: str
    parameters: dict[str, Any] = {}
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Output(msgspec.Struct, frozen=True, gc=False):
    name: Name
    parameters: dict[str, Any] = {}


class _Request(msgspec.Struct, frozen=True, gc=False):
    inputs: Annotated[list[_Input], Meta(min_length=1, max_length=1024)]
    id: Annotated[str, Meta(max_length=1024)] | int = ""
    parameters: dict[str, Any] = {}
    outputs: Annotated[list[_Output], Meta(max_length=1024)] = []


_DECODER = msgspec.json.Decoder(_Request)


class _Part(NamedTuple):
    """Where the data of an input is: *size* bytes behind the head, *raw* JSON, or a region."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    size: int
    raw: bytes | None
    region: Region | None


class _Plan(NamedTuple):
    asked: Asked
    parts: tuple[_Part, ...]
    size: int


def head_length(value: bytes | None) -> int | None:
    """What the field ``Inference-Header-Content-Length`` says; None when it is absent. Raises Refusal."""
    if value is None:
        return None
    if not value.isdigit() or len(value) > 15:
        raise bad(f"Inference-Header-Content-Length is no number of bytes: {value[:40]!r}")
    return int(value)


def read(body: Bytes, length: int | None) -> Asked:
    """The request in *body*, whose head has *length* bytes; None: it is all head. Raises Refusal."""
    length = len(body) if length is None else length
    if length > len(body):
        raise bad(
            f"Inference-Header-Content-Length is {length}, the whole body has {len(body)} bytes",
            hint="the head is JSON, directly followed by the binary tensors",
        )
    view = memoryview(body)
    head = bytes(view[:length])
    plan = (_remembered if length <= REMEMBERED else _plan)(head)
    if plan.size != len(body) - length:
        raise bad(
            f"{len(body) - length} bytes follow the head, its inputs say {plan.size}",
            hint="binary_data_size of every input says how many bytes it has",
        )
    inputs, at = [], length
    for part in plan.parts:
        data = _data(part, view[at : at + part.size])
        at += part.size
        inputs.append(Input(part.name, part.datatype, part.shape, data, part.region))
    one = plan.asked
    return Asked(
        one.id, tuple(inputs), one.outputs, one.binary, one.priority, one.timeout, one.parameters
    )  # fmt: skip


def raw(body: Bytes, name: str, datatype: str, shape: tuple[int, ...]) -> Asked:
    """A request that is one tensor and nothing else; of *shape*, that of one item, one length may be -1."""
    kind = DATATYPES[datatype]
    if not kind.size:
        data = datatypes.join([bytes(body)])
        return Asked("", (Input(name, kind, (1,), data),), (), True, 0, 0.0, {})
    return Asked("", (Input(name, kind, _solved(name, kind, shape, len(body)), body),), (), True, 0, 0.0, {})


def _solved(name: str, kind: Datatype, shape: tuple[int, ...], size: int) -> tuple[int, ...]:
    known = datatypes.elements(tuple(one for one in shape if one >= 0)) * kind.size
    unknown = sum(one < 0 for one in shape)
    if unknown == 1 and known and size % known == 0:
        return tuple(size // known if one < 0 else one for one in shape)
    if unknown or size != known:
        raise bad(
            f"a raw body of {size} bytes cannot be input '{name}' of {kind.name} {list(shape)}",
            hint="a head in JSON before it says its shape",
        )
    return shape


# -- the head ------------------------------------------------------------------------------------


def _plan(head: bytes) -> _Plan:
    try:
        found = _DECODER.decode(head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad(f"the request is not what the protocol wants: {error}") from None
    parts = tuple(_part(one) for one in found.inputs)
    _once("input", [one.name for one in parts])
    _once("output", [one.name for one in found.outputs])
    outputs = tuple(_wanted(one) for one in found.outputs)
    given = found.parameters
    asked = Asked(
        str(found.id), (), outputs, _flag(given, "binary_data_output", "the request") or False,
        _number(given, "priority", "the request") or 0,
        (_number(given, "timeout", "the request") or 0) / 1e6, given,
    )  # fmt: skip
    return _Plan(asked, parts, sum(one.size for one in parts))


_remembered = lru_cache(maxsize=256)(_plan)


def _part(one: _Input) -> _Part:
    kind = DATATYPES.get(one.datatype)
    if kind is None:
        known = ", ".join(DATATYPES)
        raise bad(f"input '{one.name}': there is no datatype '{one.datatype[:40]}'", hint=f"one of {known}")
    where = f"input '{one.name}'"
    size, region = _number(one.parameters, "binary_data_size", where), region_of(one.parameters, where)
    text = None if one.data is msgspec.UNSET else bytes(one.data)
    if sum(given is not None for given in (size, region, text)) != 1:
        raise bad(
            f"{where} has its data in none or several places", hint="data, or binary_data_size, or a region"
        )
    shape = tuple(one.shape)
    found = size if size is not None else region.size if region is not None else None
    if found is not None and kind.size and found != datatypes.elements(shape) * kind.size:
        raise _size(where, found, kind, shape)
    return _Part(one.name, kind, shape, size or 0, text, region)


def _data(part: _Part, view: memoryview) -> Bytes | None:
    """The bytes of an input, checked against its shape; None for what is in shared memory."""
    if part.region is not None:
        return None
    if part.raw is None and part.datatype.size:
        return view
    data = view if part.raw is None else datatypes.from_json(part.name, part.datatype, part.raw)
    checked(part.name, part.datatype, part.shape, data)
    return data


def checked(name: str, kind: Datatype, shape: tuple[int, ...], data: Bytes) -> None:
    """Raises Refusal unless *data* is as large as *shape* wants."""
    where = f"input '{name}'"
    if kind.size:
        if len(data) != datatypes.elements(shape) * kind.size:
            raise _size(where, len(data), kind, shape)
        return
    try:
        count = datatypes.count(data)
    except ValueError as error:
        raise bad(
            f"{where}: {error}", hint="each element of BYTES has its length before it, in 4 bytes"
        ) from None
    if count != datatypes.elements(shape):
        raise bad(f"{where} has {count} elements, its shape {list(shape)} wants {datatypes.elements(shape)}")


def _size(where: str, found: int, kind: Datatype, shape: tuple[int, ...]) -> Exception:
    wanted = datatypes.elements(shape) * kind.size
    return bad(f"{where} has {found} bytes of data, {kind.name} {list(shape)} is {wanted} bytes")


def _wanted(one: _Output) -> Wanted:
    where = f"output '{one.name}'"
    if _number(one.parameters, "classification", where):
        raise bad(f"{where}: labd does not classify", hint="ask for the output itself")
    return Wanted(one.name, _flag(one.parameters, "binary_data", where), region_of(one.parameters, where))


def region_of(parameters: dict[str, Any], where: str) -> Region | None:
    """The shared memory that *parameters* name. Raises Refusal."""
    name = parameters.get("shared_memory_region")
    if name is None:
        return None
    if not isinstance(name, str):
        raise bad(f"{where}: shared_memory_region is the name of a region")
    size = _number(parameters, "shared_memory_byte_size", where)
    if size is None:
        raise bad(f"{where}: shared_memory_byte_size is missing")
    return Region(name, _number(parameters, "shared_memory_offset", where) or 0, size)


# -- parameters ----------------------------------------------------------------------------------


def _number(parameters: dict[str, Any], name: str, where: str) -> int | None:
    value = parameters.get(name)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= 2**48:
        raise bad(f"{where}: {name} is a number from 0 on, not {str(value)[:40]}")
    return value


def _flag(parameters: dict[str, Any], name: str, where: str) -> bool | None:
    value = parameters.get(name)
    if value is not None and type(value) is not bool:
        raise bad(f"{where}: {name} is true or false, not {str(value)[:40]}")
    return value


def _once(what: str, names: list[str]) -> None:
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise bad(f"{what} '{twice}' is there twice")
