"""From payloads to what a model's code gets, and back. Runs in workers.

The description of a payload says what it is: ``{"protocol", "compress"}`` a pickle, ``{"dtype", "shape"}``
the bytes of an array, ``{"format": "json"}`` texts of the ancestor's clients. An answer is of the same kind.
"""

import json
import zlib
from typing import Any

import numpy as np

from labd_wkr import portable, unpickle
from labd_wkr.frames import pack, unpack

MAX_INFLATED = 256 * 2**20
"""Bytes of a compressed payload once it is not."""


class BadPayload(ValueError):
    """The payload is not what its description says."""


def decode(data: bytes | memoryview) -> Any:
    """What is in a payload. Raises BadPayload."""
    info, body = unpack(data)
    try:
        return _decode(_described(info), body)
    except BadPayload:
        raise
    except Exception as error:
        raise BadPayload(f"{error}") from None


def encode(item: Any, data: bytes | memoryview) -> bytes:
    """The payload that answers *data*, with *item*. Raises TypeError for what cannot travel."""
    info, body = unpack(data)
    kind = _described(info)
    if "dtype" in kind or "format" in kind:
        return _array(np.asarray(item), {"tokens": ""} if "format" in kind else {})
    protocol = 2 if kind.get("compress") == 1 else portable.protocol_of(bytes(body[:2]))
    return pack(b'{"protocol":%d,"compress":0}' % protocol, portable.dumps(item, protocol))


def _described(info: bytes) -> dict[str, Any]:
    try:
        kind = json.loads(info)
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"the description of the payload is no JSON: {error}") from None
    if not isinstance(kind, dict) or not kind.keys() & {"protocol", "dtype", "format"}:
        raise BadPayload(f"the description of the payload says neither protocol nor dtype: {info[:60]!r}")
    return kind


def _decode(kind: dict[str, Any], body: memoryview) -> Any:
    if "dtype" in kind:
        return _elements(kind["dtype"], kind.get("shape"), body)
    if "format" in kind:
        return json.loads(bytes(body))
    return unpickle.loads(_inflated(body) if kind.get("compress") == 1 else bytes(body))


def _elements(dtype: Any, shape: Any, body: memoryview) -> Any:
    if not isinstance(dtype, str) or np.dtype(dtype).kind not in unpickle.KINDS:
        raise BadPayload(f"an array of dtype {dtype!r} cannot travel as bytes")
    if not isinstance(shape, list) or not all(type(length) is int and length >= 0 for length in shape):
        raise BadPayload(f"the shape {shape!r} is no list of lengths")
    return np.frombuffer(body, dtype).reshape(shape)


def _inflated(body: memoryview) -> bytes:
    inflater = zlib.decompressobj()
    data = inflater.decompress(body, MAX_INFLATED)
    if not inflater.eof:
        raise BadPayload(f"a compressed payload is cut off, or has over {MAX_INFLATED} bytes")
    return data


def _array(array: Any, more: dict[str, Any]) -> bytes:
    if array.dtype.kind not in unpickle.KINDS:
        raise TypeError(f"the model's answer is an array of {array.dtype}, which cannot travel as bytes")
    info = {"dtype": str(array.dtype), "shape": array.shape, **more}
    return pack(json.dumps(info).encode(), np.ascontiguousarray(array).tobytes())
