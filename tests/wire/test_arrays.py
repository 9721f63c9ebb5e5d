"""Arrays travel as numbers; nothing else travels as an array."""

import subprocess
import sys

import msgpack
import numpy
import pytest

from labd.errors import ProtocolError
from labd.wire import arrays
from labd.wire.messages import Reply
from labd.wire.session import Session, encode


def over_the_wire(value):
    (reply,) = Session().feed(encode(Reply(1, None, value)))
    return reply.result


@pytest.mark.parametrize("kind", sorted(arrays.ITEM_SIZES))
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3), (1, 0, 4)])
def test_every_kind_and_shape_comes_back_the_same(kind, shape):
    array = (numpy.arange(int(numpy.prod(shape))) % 2).astype(kind).reshape(shape)
    back = over_the_wire({"a": [array]})["a"][0]
    assert back.dtype == numpy.dtype(kind)
    assert back.shape == shape
    assert numpy.array_equal(back, array)
    assert not back.flags.writeable


def test_big_endian_fortran_and_sliced_arrays_come_back_equal():
    array = numpy.arange(24, dtype=">i4").reshape(4, 6)
    for each in (array, numpy.asfortranarray(array), array[::2, 1:], array.T):
        back = over_the_wire(each)
        assert numpy.array_equal(back, each)
        assert back.dtype == numpy.dtype("<i4")


def test_scalars_of_numpy_travel_as_plain_numbers():
    given = [numpy.int64(3), numpy.float32(0.5), numpy.bool_(True), numpy.uint8(9)]
    back = over_the_wire(given)
    assert back == [3, 0.5, True, 9]
    assert [type(value) for value in back] == [int, float, bool, int]


@pytest.mark.parametrize(
    "array",
    [
        numpy.array([object()]),
        numpy.array(["text"]),
        numpy.array([b"bytes"]),
        numpy.array(["2024-01-01"], dtype="datetime64[D]"),
        numpy.zeros(2, dtype=[("a", "i4")]),
        numpy.zeros(2, dtype=numpy.longdouble),
    ],
    ids=lambda array: str(array.dtype.kind),
)
def test_an_array_of_anything_but_numbers_cannot_be_sent(array):
    with pytest.raises(TypeError, match="cannot be sent"):
        encode(Reply(1, None, array))


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (["|O", [1], b"12345678"], r"dtype that may not travel: '\|O'"),
        (["<U4", [1], b"x" * 16], "dtype that may not travel"),
        ([">f8", [1], b"x" * 8], "dtype that may not travel"),
        (["<f8,<i4", [1], b"x" * 12], "dtype that may not travel"),
        ([["<f8"], [1], b"x" * 8], "dtype that may not travel"),
        (["<f8", [2], b"x" * 8], "whose data has another size"),
        (["<f8", [], b""], "whose data has another size"),
        (["<f8", [1], "12345678"], "whose data has another size"),
        (["<f8", [-1, -1], b"x" * 8], "not a list of lengths"),
        (["<f8", [True], b"x" * 8], "not a list of lengths"),
        (["<f8", 1, b"x" * 8], "not a list of lengths"),
        (["<f8", [1.0], b"x" * 8], "not a list of lengths"),
        (["<f8", [2**64 - 1, 0], b""], "not a list of lengths"),
        (["<f8", [1] * 33, b"x" * 8], r"not \[dtype, shape, data\]"),
        (["<f8", [1]], r"not \[dtype, shape, data\]"),
        ({"dtype": "<f8"}, r"not \[dtype, shape, data\]"),
        (None, r"not \[dtype, shape, data\]"),
        (["<f8", [2**62, 0, 2**62], b""], "of shape"),
    ],
)
def test_a_forged_array_is_refused(payload, named):
    ext = msgpack.ExtType(arrays.ARRAY_EXT, msgpack.packb(payload))
    with pytest.raises(ProtocolError, match=named):
        Session().feed(msgpack.packb([1, 1, None, ext]))


def test_an_array_may_not_hold_an_array():
    inner = msgpack.ExtType(arrays.ARRAY_EXT, msgpack.packb(["<f8", [0], b""]))
    ext = msgpack.ExtType(arrays.ARRAY_EXT, msgpack.packb(["<f8", [0], inner]))
    with pytest.raises(ProtocolError, match=r"not \[dtype, shape, data\]"):
        Session().feed(msgpack.packb([1, 1, None, ext]))


@pytest.mark.real
def test_numpy_is_imported_when_an_array_comes_and_not_before():
    program = """
import sys
from labd.wire.session import Session, encode
from labd.wire.messages import Reply
session = Session()
try:
    encode(Reply(1, None, {1, 2}))
except TypeError:
    pass
assert session.feed(encode(Reply(1, None, [1.5])))
assert "numpy" not in sys.modules
session.feed(bytes.fromhex(sys.argv[1]))
assert "numpy" in sys.modules
"""
    array = encode(Reply(1, None, numpy.zeros(3)))
    subprocess.run([sys.executable, "-c", program, array.hex()], check=True, timeout=60)
