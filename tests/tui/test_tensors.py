"""Arrays as people type them."""

import struct

import pytest

from labd.tui.tensors import SHOWN, example, packed, shown


def spec(datatype: str, *shape: int) -> dict:
    return {"name": "x", "datatype": datatype, "shape": list(shape)}


def test_an_example_is_one_row_of_what_is_taken():
    assert example(spec("FP32", -1, 3)) == "[[0, 0, 0]]"
    assert example(spec("BYTES", -1)) == '[""]'
    assert example(spec("UINT8", -1, 224, 224, 3)) == "0", "too long to be typed: one number for all"


@pytest.mark.parametrize("datatype", ["FP32", "FP64", "FP16", "INT8", "INT64", "UINT16", "BOOL", "BYTES"])
def test_what_is_typed_comes_back(datatype: str):
    text = {"BYTES": '[["a", "äö"], ["", "d"]]', "BOOL": "[[true, false], [true, true]]"}
    given = text.get(datatype, "[[1, 2], [3, 4]]")
    made = packed(spec(datatype, -1, 2), given)
    assert made["shape"] == [2, 2]
    assert shown(made).replace(".0", "") == given


def test_one_value_fills_all_of_a_large_input():
    made = packed(spec("FP32", -1, 8, 8), "0.5")
    assert made["shape"] == [1, 8, 8]
    assert made["data"] == struct.pack("<64f", *[0.5] * 64)
    assert shown(packed(spec("INT8", -1, SHOWN + 100), "1")).endswith("and 100 more")


@pytest.mark.parametrize(
    ("datatype", "text", "words"),
    [
        ("FP32", "[1, 2", "write it as JSON"),
        ("FP32", "[[1, 2], [3]]", "not of one length"),
        ("UINT8", "[300]", "x is UINT8"),
        ("FP32", '["a"]', "x is FP32"),
        ("BF16", "[1]", "cannot be typed here"),
    ],
)
def test_what_is_wrong_is_said(datatype: str, text: str, words: str):
    with pytest.raises(ValueError, match=words):
        packed(spec(datatype, -1), text)


def test_an_output_that_cannot_be_shown_says_what_it_is():
    assert "4 bytes of BF16" in shown({"datatype": "BF16", "shape": [2], "data": b"abcd"})
