"""numpy arrays on the wire: MessagePack ext type 1.

The payload is itself MessagePack, ``[dtype, shape, data]``: a dtype of the table below, a list of
lengths, and the elements as bytes in C order, little endian. There is no object dtype, so an array is
never more than numbers. numpy is imported when an array is met and not before: labctl never pays for it.
"""

import math
import sys
from typing import Any

import msgpack

from labd.blocks import Block
from labd.errors import ProtocolError

ARRAY_EXT = 1
"""The ext type of an array."""

MAX_DIMENSIONS = 32
"""What every numpy can hold."""

ITEM_SIZES = {
    "|b1": 1,
    "|i1": 1, "<i2": 2, "<i4": 4, "<i8": 8,
    "|u1": 1, "<u2": 2, "<u4": 4, "<u8": 8,
    "<f2": 2, "<f4": 4, "<f8": 8,
    "<c8": 8, "<c16": 16,
}  # fmt: skip
"""Bytes of one element, for every dtype that may travel."""


def pack(array: Any) -> msgpack.ExtType:
    """The ext value of a numpy *array*; TypeError for a dtype that may not travel."""
    kind = array.dtype.newbyteorder("<")
    if kind.str not in ITEM_SIZES:
        raise TypeError(f"an array of dtype {array.dtype} cannot be sent; these can: {', '.join(ITEM_SIZES)}")
    data = array.astype(kind, copy=False).tobytes()
    return msgpack.ExtType(ARRAY_EXT, msgpack.packb([kind.str, list(array.shape), data]))


def extension(code: int, data: bytes) -> Any:
    """The ``ext_hook`` of msgpack: the array, or :class:`ProtocolError`."""
    if code != ARRAY_EXT:
        raise ProtocolError(f"the peer sent a value of the unknown ext type {code}")
    return unpack(data)


def pack_block(block: Block) -> msgpack.ExtType:
    """The ext value of *block*."""
    return msgpack.ExtType(ARRAY_EXT, msgpack.packb([block.kind, block.shape, block.data]))


def unpack_block(data: bytes) -> Block:
    """The array in the ext payload *data*, as bytes; :class:`ProtocolError` if it is anything else."""
    kind, shape, items = head(data)
    if not isinstance(items, bytes) or size_of(kind, shape) != len(items):
        raise ProtocolError(f"the peer sent an array of {kind} and shape {shape} whose data has another size")
    return Block([items], kind, shape)


def unpack(data: bytes) -> Any:
    """The array in the ext payload *data*, read-only; :class:`ProtocolError` if it is anything else."""
    block = unpack_block(data)
    kind, shape, items = block.kind, block.shape, block.data
    import numpy

    try:
        return numpy.frombuffer(items, kind).reshape(shape)
    except ValueError as error:  # an empty array whose other lengths are too much for numpy
        raise ProtocolError(f"the peer sent an array of shape {shape}: {error}") from None


def convert(value: Any) -> Any:
    """The ``default`` hook of msgpack: arrays, blocks and numpy's scalars; TypeError for all else."""
    if isinstance(value, Block):
        return pack_block(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return pack(value)
    if numpy is not None and isinstance(value, numpy.generic):
        return value.item()
    raise TypeError(f"a value of type {type(value).__name__} cannot be sent")


def head(data: bytes) -> tuple[str, list[int], Any]:
    """The dtype, the shape and what is third in *data*; :class:`ProtocolError` if they may not travel."""
    try:
        kind, shape, items = msgpack.unpackb(data, max_array_len=MAX_DIMENSIONS, max_map_len=0, max_ext_len=0)
    except (ValueError, TypeError) as error:
        raise ProtocolError(f"the peer sent an array that is not [dtype, shape, data]: {error}") from None
    if not isinstance(kind, str) or kind not in ITEM_SIZES:
        raise ProtocolError(f"the peer sent an array of a dtype that may not travel: {str(kind)[:40]!r}")
    if not isinstance(shape, list) or not all(type(n) is int and 0 <= n < 2**63 for n in shape):
        raise ProtocolError("the peer sent an array whose shape is not a list of lengths")
    return kind, shape, items


def size_of(kind: str, shape: list[int]) -> int:
    """The bytes of an array."""
    return math.prod(shape) * ITEM_SIZES[kind]
