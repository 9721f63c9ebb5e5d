"""What may be in a pickle, and pickles that want more."""

import pickle
import pickletools
import struct
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labd_wkr import portable
from labd_wkr.unpickle import loads

PLAIN = [
    None, True, 3, 2**80, -1.5, 1j, "tëxt", b"bytes", b"", bytearray(b"x"), [1, [2]], (1, (2,)),
    {"a": {"b": 1}}, {1, 2}, frozenset({1}), range(3), slice(1, 2), OrderedDict(a=1),
]  # fmt: skip

ARRAYS = [
    np.arange(6, dtype="f4").reshape(2, 3), np.zeros((0, 3)), np.array(3), np.arange(4, dtype=">i2"),
    np.array(["a", "bc"]), np.array([True]), np.asfortranarray(np.arange(6).reshape(2, 3)), np.array([1j]),
    np.array([b"ab"]),
]  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_come_back(protocol):
    assert loads(pickle.dumps(PLAIN, protocol)) == PLAIN


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("write", [pickle.dumps, portable.dumps])
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_arrays_come_back_wherever_they_are(array, write, protocol):
    back = loads(write({"a": [array, (array, 1)]}, protocol))["a"]
    for each in (back[0], back[1][0]):
        assert type(each) is np.ndarray
        assert each.dtype == array.dtype
        np.testing.assert_array_equal(each, array)
    assert back[1][1] == 1


@pytest.mark.parametrize("value", [np.float32(1.5), np.int64(3), np.bool_(True)])
def test_scalars_come_back(value):
    assert loads(pickle.dumps(value)) == loads(portable.dumps(value)) == value


def test_a_list_in_itself_comes_back():
    value: list[object] = [np.zeros(2)]
    value.append(value)
    back = loads(pickle.dumps(value))
    assert back[1] is back
    assert back[0].shape == (2,)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_what_is_written_names_only_what_never_moved(protocol):
    text = portable.dumps([*ARRAYS, np.float32(1), np.bool_(1)], protocol)
    names = {arg for op, arg, _ in pickletools.genops(text) if op.name == "GLOBAL"}
    assert b"_core" not in text
    assert names <= {
        "numpy ndarray",
        "numpy float32",
        "_codecs encode",
        "__builtin__ bytearray",
        "__builtin__ bool",
    }
    assert portable.protocol_of(text) == protocol


def test_arrays_of_objects_are_written_as_lists():
    assert pickle.loads(portable.dumps(np.array([None, "a"], object))) == [None, "a"]


def call(module: str, name: str, *arguments: object) -> bytes:
    """A pickle that calls *name* of *module*."""
    return f"c{module}\n{name}\n".encode() + pickle.dumps(arguments, 2)[2:-1] + b"R."


GLOBAL = b"c{}\n{}\n"

BOMBS = {
    "dates, whose unit is elsewhere": pickle.dumps(np.array(["2020-01-01"], "M8[D]")),
    "a command": call("os", "system", "true"),
    "a command by its other name": call("posix", "system", "true"),
    "code": call("builtins", "eval", "1"),
    "code of python 2": call("__builtin__", "execfile", "x"),
    "attributes": call("builtins", "getattr", 1, "real"),
    "imports": call("importlib", "import_module", "os"),
    "by a stacked name": pickle.dumps(pickle.loads, 4),
    "a dotted name": b"\x80\x04\x8c\x08builtins\x8c\x0bset.__class__\x93.",
    "numpy's files": call("numpy", "load", "/etc/passwd"),
    "numpy's functions": call("numpy", "zeros", 10**12),
    "numpy's pickles": call("numpy.core.multiarray", "fromfile", "x"),
    "much memory by bytearray": call("builtins", "bytearray", 2**40),
    "much memory by bytes": call("builtins", "bytes", 2**40),
    "much memory by list": call("builtins", "list", 2**40),
    "much memory by void": call("numpy", "void", 2**40),
    "much memory by float": call("numpy", "float64", [0]),
    "much memory by set": b"cbuiltins\nset\n(cbuiltins\nrange\n(I0\nI9999999999\ntRtR.",
    "much memory by ndarray": call("numpy", "ndarray", (2**40,), "f4", b""),
    "much memory by the memo": b"\x80\x02Nr\xff\xff\xff\x7f.",
    "much memory by the memo in text": b"Np4000000000\n.",
    "objects by a dtype": call("numpy", "ndarray", (1,), "O", b"12345678"),
    "fields by a dtype": call("numpy", "ndarray", (1,), "f4,f4", b"12345678"),
    "a class that is made": b"\x80\x02cnumpy\nndarray\n)\x81.",
    "what it names is changed": b"\x80\x02c_codecs\nencode\nN}X\x0c\x00\x00\x00__defaults__Ns\x86b.",
    "a persistent id": b"\x80\x02K\x01Q.",
    "an extension": b"\x80\x02\x82\x01.",
    "an instance": b"(ios\nsystem\n.",
    "a dtype whose state lies": pickle.dumps(np.dtype("f4"), 2).replace(b"NNN", b"NN}", 1),
    "an array whose state lies": pickle.dumps(np.zeros(2), 2).replace(b"K\x02\x85", b"K\x7f\x85", 1),
    "nothing": b"",
    "no end": b"\x80\x02]",
    "a length that lies": b"\x80\x02T\xff\xff\xff\x7f.",
    "eight bytes of length that lie": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b".",
    "a frame that lies": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b".",
    "an empty stack": b"\x80\x02R.",
    "a new protocol": b"\x80\x7fN.",
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_bomb_is_an_error(what):
    with pytest.raises(pickle.UnpicklingError):
        loads(BOMBS[what])


def test_deep_nesting_is_an_error_or_a_value():
    depth = 100_000
    text = b"\x80\x02" + pickle.dumps(np.zeros(1), 2)[2:-1] + b"\x85" * depth + b"."
    with pytest.raises(pickle.UnpicklingError, match="Recursion"):
        loads(text)


def test_arrays_whose_bytes_look_like_places_are_read():
    array = np.frombuffer(b"r\xff\xff\xff\x7fp4000000000\n" * 8, "u1")
    for protocol in range(6):
        np.testing.assert_array_equal(loads(pickle.dumps([array, 1.5, 2**70, "text"], protocol))[0], array)


@given(st.binary(max_size=60))
def test_garbage_is_an_error_or_a_value(data):
    for begin in (b"", b"\x80\x02", b"\x80\x04"):
        try:
            loads(begin + data)
        except pickle.UnpicklingError:
            pass
