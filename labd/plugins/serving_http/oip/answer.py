"""The answer to a request for inference, as bytes. Pure."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from labd.plugins.serving_http.oip import datatypes
from labd.plugins.serving_http.oip.datatypes import DATATYPES, Bytes
from labd.plugins.serving_http.oip.refusals import bad
from labd.plugins.serving_http.oip.request import Asked, Region, Wanted

_PLAIN = Wanted("")


class Output(NamedTuple):
    """A tensor that a model gave; *datatype* is its name, *data* little endian and packed."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Bytes


class Answer(NamedTuple):
    """*head* is JSON, *tensors* follow it; *binary*: whether any do. *stored*: what goes to shared memory."""

    head: bytes
    tensors: list[Bytes]
    binary: bool
    stored: list[tuple[Region, Bytes]]


def write(model: str, version: str, asked: Asked, outputs: Sequence[Output]) -> Answer:
    """The answer with those of *outputs* that were *asked* for. Raises Refusal."""
    chosen = _chosen(asked, outputs)
    if all(want.region is None and binary for _, want, binary in chosen):
        shapes = tuple((one.name, one.datatype, one.shape, len(one.data)) for one, _, _ in chosen)
        head = _binary_head(model, version, asked.id, shapes)
        return Answer(head, [one.data for one, _, _ in chosen], True, [])
    described, tensors, stored = [], list[Bytes](), []
    for one, want, binary in chosen:
        described.append(_described(one, want, binary))
        if want.region is not None:
            stored.append((want.region, one.data))
        elif binary:
            tensors.append(one.data)
    return Answer(_head(model, version, asked.id, described), tensors, bool(tensors), stored)


def _chosen(asked: Asked, outputs: Sequence[Output]) -> list[tuple[Output, Wanted, bool]]:
    if not asked.outputs:
        return [(one, _PLAIN, asked.binary) for one in outputs]
    known = {one.name: one for one in outputs}
    missing = [want.name for want in asked.outputs if want.name not in known]
    if missing:
        raise bad(f"the model has no output '{missing[0]}'", hint=f"it has {', '.join(known)}")
    binary = asked.binary
    return [(known[w.name], w, binary if w.binary is None else w.binary) for w in asked.outputs]


def _described(one: Output, want: Wanted, binary: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"name": one.name, "datatype": one.datatype, "shape": one.shape}
    if want.region is not None:
        region, size = want.region, len(one.data)
        if size > region.size:
            raise bad(f"output '{one.name}' has {size} bytes, shared_memory_byte_size is {region.size}")
        found["parameters"] = {
            "shared_memory_region": region.name,
            "shared_memory_offset": region.offset,
            "shared_memory_byte_size": size,
        }
    elif binary:
        found["parameters"] = {"binary_data_size": len(one.data)}
    else:
        found["data"] = datatypes.to_json(one.name, DATATYPES[one.datatype], one.data)
    return found


def _head(model: str, version: str, id_: str, outputs: list[dict[str, Any]]) -> bytes:
    said = {"id": id_} if id_ else {}
    return msgspec.json.encode({**said, "model_name": model, "model_version": version, "outputs": outputs})


@lru_cache(maxsize=1024)
def _binary_rest(
    model: str, version: str, shapes: tuple[tuple[str, str, tuple[int, ...], int], ...]
) -> bytes:
    outputs = [
        {"name": name, "datatype": kind, "shape": shape, "parameters": {"binary_data_size": size}}
        for name, kind, shape, size in shapes
    ]
    return _head(model, version, "", outputs)


def _binary_head(model: str, version: str, id_: str, shapes: tuple[Any, ...]) -> bytes:
    """The head when all is binary: of one client's answers only the ``id`` differs."""
    rest = _binary_rest(model, version, shapes)
    return b'{"id":' + msgspec.json.encode(id_) + b"," + rest[1:] if id_ else rest
