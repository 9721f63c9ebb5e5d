"""Pickles that every numpy, 1 or 2, and every Python 3 can read.

An array becomes ``numpy.ndarray(shape, dtype, buffer)`` and a scalar ``numpy.float32(value)``: names that
never moved. An array of texts goes as bytes, too; one of objects, which no buffer holds, as a list.
"""

import io
import pickle
from typing import Any

import numpy as np


def protocol_of(data: bytes) -> int:
    """The protocol of the pickle *data*, from its second byte; 0 where none is said."""
    return data[1] if len(data) > 1 and data[0] == 0x80 else 0


def dumps(value: Any, protocol: int = 2) -> bytes:
    """The pickle of *value*, of a protocol no newer than *protocol*."""
    file = io.BytesIO()
    _Portable(file, min(protocol, pickle.HIGHEST_PROTOCOL)).dump(value)
    return file.getvalue()


class _Portable(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return _array(value)
        if isinstance(value, np.bool_):  # numpy 2 calls the type numpy.bool, which numpy 1 does not have
            return bool, (bool(value),)
        if isinstance(value, np.number):
            return type(value), (value.item(),)
        return NotImplemented


def _array(value: Any) -> Any:
    if value.dtype.hasobject or value.dtype.names is not None:
        return list, (value.tolist(),)
    data = bytearray(np.ascontiguousarray(value).tobytes())
    return np.ndarray, (value.shape, value.dtype.str, data)
