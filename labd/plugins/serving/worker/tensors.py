"""Tensors of messages as numpy arrays, and back. numpy is imported where an array is needed."""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

KINDS = {
    "BOOL": "|b1",
    "UINT8": "|u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8",
    "INT8": "|i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8",
    "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
"""The dtypes of v2 that numpy has."""

NAMES = {kind: name for name, kind in KINDS.items()}

LEAST_SHARED = 16_384
"""Bytes from which on an array goes by itself, and through shared memory."""


def array(dtype: str, shape: Sequence[int], data: Any) -> Any:
    """The tensor as an array, read-only; BF16 becomes float32, BYTES an array of bytes objects."""
    import numpy

    if dtype == "BYTES":
        return numpy.array(_texts(bytes(data)), object).reshape(shape)
    if dtype == "BF16":
        wide = numpy.frombuffer(data, "<u2").astype("<u4") << 16
        return wide.view("<f4").reshape(shape)
    return numpy.frombuffer(data, KINDS[dtype]).reshape(shape)


def output(name: str, value: Any) -> list[Any]:
    """``[name, dtype, shape, data]`` of anything that numpy makes an array of. Raises TypeError."""
    import numpy

    found = numpy.asarray(value, object) if isinstance(_leaf(value), str | bytes) else numpy.asarray(value)
    if found.dtype.kind in "OSU":
        data = b"".join(struct.pack("<I", len(one)) + one for one in map(_bytes, found.reshape(-1).tolist()))
        return [name, "BYTES", list(found.shape), data]
    kind = found.dtype.newbyteorder("<").str
    if kind not in NAMES:
        raise TypeError(f"output {name!r} is of dtype {found.dtype}, which has no datatype of v2")
    plain = numpy.ascontiguousarray(found, kind)
    flat = plain.reshape(-1).view("|u1")
    return [name, NAMES[kind], list(found.shape), flat if plain.nbytes >= LEAST_SHARED else plain.tobytes()]


def _leaf(value: Any) -> Any:
    """The first thing in nested lists: numpy would cut the zeros at the end of bytes among them."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return value


def _texts(data: bytes) -> list[bytes]:
    at, found = 0, []
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "little")
        found.append(data[at + 4 : end])
        at = end
    return found


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
