import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.api import Answer, BadInput, Block, Inference, ModelFailed, ModelSpec, Tensor, TensorSpec
from labd.plugins.serving.item import Item
from labd.plugins.serving.packing import LARGE, check, join, split

SPEC = ModelSpec(max_batch_size=8)


def items(*requests):
    found = []
    for request in requests:
        sound = check(request, (), SPEC)
        found.append(Item(request, print, sound.key, sound.rows, sound.size, 0, 1, 0, print))
    return found


def asked(*values, name="x", **more):
    data = struct.pack(f"<{len(values)}f", *values)
    return Inference("m", (Tensor(name, "FP32", (len(values), 1), data),), **more)


def said(values, name="y", dtype="FP32"):
    return {"outputs": [[name, dtype, [len(values), 1], struct.pack(f"<{len(values)}f", *values)]]}


def floats(tensor):
    return list(struct.unpack(f"<{tensor.shape[0]}f", tensor.data))


def test_requests_are_joined_along_the_first_axis_and_the_answer_is_cut_there():
    batch = items(asked(1.0, 2.0), asked(3.0), asked(4.0, id="four"))
    message = join(batch)
    assert message["rows"] == [2, 1, 1]
    assert message["inputs"] == [["x", "FP32", [4, 1], struct.pack("<4f", 1, 2, 3, 4)]]
    answers = split(batch, said([10.0, 20.0, 30.0, 40.0]), "7")
    assert [floats(one.tensors[0]) for one in answers] == [[10.0, 20.0], [30.0], [40.0]]
    assert [(one.version, one.id) for one in answers] == [("7", ""), ("7", ""), ("7", "four")]


def test_a_large_batch_is_not_joined_here_but_in_shared_memory():
    data = memoryview(bytes(LARGE))
    big = Inference("m", (Tensor("x", "UINT8", (1, LARGE), data),))
    [[_, _, shape, block]] = join(items(big, big))["inputs"]
    assert isinstance(block, Block)
    assert (shape, block.nbytes, block.parts[0]) == ([2, LARGE], 2 * LARGE, data)


def test_texts_are_cut_by_their_lengths():
    one = Inference("m", (Tensor("x", "BYTES", (1,), b"\x01\0\0\0a"),))
    answer = {"outputs": [["y", "BYTES", [2], b"\x02\0\0\0ab\0\0\0\0"]]}
    assert [a.tensors[0].data for a in split(items(one, one), answer, "1")] == [b"\x02\0\0\0ab", b"\0\0\0\0"]


def test_items_of_a_codec_stay_apart():
    one, two = (
        Inference("m", (Tensor("i", "RAW", (1,), data),), codec="some.codec") for data in (b"1", b"two")
    )
    batch = items(one, two)
    assert join(batch)["inputs"] == [["i", "RAW", [2], [b"1", b"two"]]]
    assert join(batch)["codec"] == "some.codec"
    answers = split(batch, {"outputs": [["i", "RAW", [2], [b"a", b"b"]]]}, "1")
    assert [one.tensors[0].data for one in answers] == [b"a", b"b"]


def test_only_the_outputs_that_are_wanted_come():
    answer = {"outputs": [*said([1.0])["outputs"], *said([2.0], "z")["outputs"]]}
    [one] = split(items(asked(1.0, outputs=("z",))), answer, "1")
    assert [tensor.name for tensor in one.tensors] == ["z"]
    [wrong] = split(items(asked(1.0, outputs=("q",))), answer, "1")
    assert isinstance(wrong, BadInput)


def test_parameters_travel_only_where_somebody_has_some():
    assert "parameters" not in join(items(asked(1.0)))
    assert join(items(asked(1.0), asked(2.0, parameters={"t": 1})))["parameters"] == [{}, {"t": 1}]


def test_requests_of_other_shapes_types_and_names_do_not_go_together():
    def key(request):
        return check(request, (), SPEC).key

    wide = Inference("m", (Tensor("x", "FP32", (1, 2), bytes(8)),))
    assert key(asked(1.0)) == key(asked(2.0, 3.0))
    assert len({key(asked(1.0)), key(wide), key(asked(1.0, name="z")), key(asked(1.0, codec="c"))}) == 4


@pytest.mark.parametrize(
    "answer",
    [
        None, {}, [], {"outputs": None}, {"outputs": []}, {"outputs": [1]}, {"outputs": [["y", "FP32", [2]]]},
        said([1.0]), said([1.0, 2.0, 3.0]), said([1.0, 2.0], dtype="FP64"), said([1.0, 2.0], dtype="FP31"),
        said([1.0, 2.0], name=5), {"outputs": [["y", "FP32", "two", b""]]},
        {"outputs": [["y", "FP32", [], b""]]},
        {"outputs": [["y", "FP32", [2, 1], "text"]]}, {"outputs": [["y", "BYTES", [2], b"\xff\xff\xff\xff"]]},
        {"outputs": [["y", "RAW", [2], [b"a"]]]}, {"outputs": [["y", "RAW", [2], ["a", "b"]]]},
        {"outputs": [["y", "FP32", [2, -1], b""]]}, {"outputs": [["y", "FP32", [2, 2**70], b""]]},
    ],
)  # fmt: skip
def test_whatever_a_worker_says_is_an_answer_or_an_error_of_the_model(answer):
    with pytest.raises(ModelFailed):
        split(items(asked(1.0), asked(2.0)), answer, "1")


VALUES = st.one_of(
    st.none(), st.integers(-5, 2**40), st.binary(max_size=20), st.text(max_size=5),
    st.sampled_from(["FP32", "BYTES", "RAW", "INT8"]),
)  # fmt: skip
ANYTHING = st.recursive(VALUES, lambda inner: st.lists(inner, max_size=5))


@given(ANYTHING)
def test_no_answer_of_a_worker_raises_anything_else(output):
    try:
        answers = split(items(asked(1.0), asked(2.0)), {"outputs": [output]}, "1")
    except ModelFailed:
        return
    assert all(isinstance(one, Answer) for one in answers)


@given(st.text(max_size=3), st.sampled_from(["FP32", "INT8", "BYTES", "RAW", "FP31", ""]),
       st.lists(st.integers(-2, 2**40), max_size=40), st.binary(max_size=40))  # fmt: skip
def test_no_request_raises_anything_but_bad_input(name, dtype, shape, data):
    try:
        sound = check(Inference("m", (Tensor(name, dtype, tuple(shape), data),)), (), SPEC)
    except BadInput:
        return
    assert 1 <= sound.rows <= 8


def test_what_a_model_says_that_it_takes_is_held():
    inputs = (TensorSpec("x", "FP32", (-1, 1)),)
    assert check(asked(1.0, 2.0), inputs, SPEC).rows == 2
    for wrong in (asked(1.0, name="z"), Inference("m", (Tensor("x", "FP32", (1, 2), bytes(8)),)),
                  Inference("m", (Tensor("x", "INT32", (1, 1), bytes(4)),))):  # fmt: skip
        with pytest.raises(BadInput):
            check(wrong, inputs, SPEC)
