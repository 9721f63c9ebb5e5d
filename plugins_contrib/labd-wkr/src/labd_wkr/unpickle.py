"""Pickles from a network, of which nothing runs: plain builtins and numpy arrays, and nothing else.

What numpy's pickles name is stood in for by objects that check their state before numpy sees any of it:
numpy's own ``__setstate__`` believes what it is told. They are exchanged for arrays at the end.
"""

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from labd_wkr.opcodes import check

KINDS = "biufcSU"
"""The kinds of dtype that hold no objects."""

SCALARS = {n for n, t in vars(np).items() if isinstance(t, type) and issubclass(t, np.generic)}
VALUES = (bool, int, float, complex)
"""What the value of a scalar may be: of a number, ``numpy.void`` would make memory of that size."""


class Forbidden(pickle.UnpicklingError):
    """The pickle names, or does, what may not be in one."""


def loads(data: bytes) -> Any:
    """The object in the pickle *data*. Raises Forbidden, UnpicklingError for what is none, and no other."""
    try:
        check(data)
        unpickler = _Restricted(io.BytesIO(data))
        value = unpickler.load()
        return _exchange(value, {}) if unpickler.numpy else value
    except pickle.UnpicklingError:
        raise
    except Exception as error:
        raise pickle.UnpicklingError(f"no pickle that can be read: {type(error).__name__}: {error}") from None


class _Dtype:
    """Stands for a dtype until its byte order is known."""

    __slots__ = ("value",)

    def __init__(self, kind: Any, *copy: Any) -> None:
        kind = kind.name if isinstance(kind, _Scalar) else _only(str, kind)
        self.value = np.dtype(kind)
        if self.value.kind not in KINDS or self.value.shape:
            raise Forbidden(
                f"the pickle has an array of dtype {self.value}, which may hold more than numbers"
            )

    def __setstate__(self, state: Any) -> None:
        order, *fields = state[1:5]
        if fields != [None, None, None] or order not in ("<", ">", "|", "="):
            raise Forbidden("the pickle has a dtype with fields; numbers and texts can be read")
        self.value = self.value.newbyteorder(order)


class _Array:
    """Stands for an array until its state is known."""

    __slots__ = ("value",)

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, data = state
        self.value = _filled(data, kind, shape, "F" if fortran else "C").copy("K")


def _filled(data: Any, kind: Any, shape: Any, order: Any = "C") -> Any:
    if not isinstance(kind, _Dtype) or not isinstance(data, bytes | bytearray | memoryview | str):
        raise Forbidden("the pickle has an array that is not of plain elements")
    raw = data.encode("latin1") if isinstance(data, str) else data
    flat = np.frombuffer(raw, kind.value) if len(raw) else np.empty(0, kind.value)
    return flat.reshape(shape, order=order)


def _frombuffer(data: Any, kind: Any, shape: Any, order: Any = "C") -> Any:
    found = _Array()
    found.value = _filled(data, kind, shape, order)
    return found


def _direct(shape: Any, kind: Any, data: Any) -> Any:
    """``numpy.ndarray(shape, dtype, buffer)``, as labd writes arrays."""
    return _frombuffer(data, _Dtype(kind) if isinstance(kind, str) else kind, shape)


def _scalar(kind: Any, data: Any) -> Any:
    found = _filled(data, kind, (1,))
    return found[0]


def _encoded(text: str, encoding: str) -> bytes:
    """``_codecs.encode``, by which protocols before 3 write bytes."""
    if encoding not in ("latin1", "latin-1"):
        raise Forbidden(f"the pickle encodes by {encoding!r}")
    return text.encode("latin1")


def _bytearray(data: Any = b"", encoding: str = "latin-1") -> bytearray:
    """Of bytes or text, never of a number: a small pickle makes no large memory."""
    return bytearray(_encoded(data, encoding) if isinstance(data, str) else _only(bytes, data))


def _only(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise Forbidden(f"the pickle gives a {type(value).__name__} where a {kind.__name__} belongs")
    return value


class _Named:
    """What a pickle names: it can be called, handed on, and nothing else, least of all changed."""

    __slots__ = ("_made",)

    def __init__(self, made: Callable[..., Any]) -> None:
        self._made = made

    def __call__(self, *parts: Any) -> Any:
        return self._made(*parts)

    def __setstate__(self, state: Any) -> None:
        raise Forbidden("the pickle changes what it names")


class _Scalar(_Named):
    """A type of numpy's scalars: part of a dtype, or called with its value."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        super().__init__(self._value)
        self.name = name

    def _value(self, value: Any) -> Any:
        if type(value) not in VALUES or np.dtype(self.name).kind not in "biufc":
            raise Forbidden(f"the pickle makes a numpy.{self.name} of a {type(value).__name__}")
        return np.dtype(self.name).type(value)


def _gathered(kind: Callable[[Any], Any]) -> Callable[..., Any]:
    """*kind* of a list that is there already."""
    return lambda items=(): kind(_only(list, items) if items else ())


NAMES: dict[tuple[str, str], Callable[..., Any]] = {
    ("builtins", "bool"): bool,
    ("builtins", "complex"): lambda a, b: complex(_only(float, a), _only(float, b)),
    ("builtins", "bytearray"): _bytearray,
    ("builtins", "bytes"): _gathered(bytes),
    ("builtins", "set"): _gathered(set),
    ("builtins", "frozenset"): _gathered(frozenset),
    ("builtins", "range"): range,
    ("builtins", "xrange"): range,
    ("builtins", "slice"): slice,
    ("collections", "OrderedDict"): _gathered(OrderedDict),
    ("_codecs", "encode"): _encoded,
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _direct,
    ("numpy.core.multiarray", "_reconstruct"): lambda *begin: _Array(),
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
}
"""What a pickle may name; numpy's by their old names."""


class _Restricted(pickle.Unpickler):
    numpy = False

    def find_class(self, module: str, name: str) -> Any:
        module = "builtins" if module == "__builtin__" else module.replace("numpy._core", "numpy.core")
        self.numpy = self.numpy or module.startswith("numpy")
        if module == "numpy" and name in SCALARS:
            return _Scalar(name)
        if (module, name) not in NAMES:
            raise Forbidden(f"the pickle names {module}.{name}; plain values and numpy arrays can be read")
        return _Named(NAMES[module, name])


def _exchange(value: Any, seen: dict[int, Any]) -> Any:
    """*value* with arrays in place of what stood for them; lists and dicts are changed where they are."""
    if isinstance(value, _Array | _Dtype):
        return value.value
    if isinstance(value, tuple | set | frozenset):
        return type(value)(_exchange(each, seen) for each in value)
    if isinstance(value, list | dict) and id(value) not in seen:
        seen[id(value)] = value
        for place, each in enumerate(value) if isinstance(value, list) else value.items():
            value[place] = _exchange(each, seen)
    return value
