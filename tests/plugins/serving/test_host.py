"""What runs in a worker, called here."""

import json
import struct

import pytest

numpy = pytest.importorskip("numpy")

from labd.plugins.serving.worker import contract, tensors  # noqa: E402
from labd.plugins.serving.worker.context import Context  # noqa: E402
from labd.plugins.serving.worker.host import Host  # noqa: E402

HERE = __name__


class Sum:
    inputs = {"a": ("FP32", [-1, 2]), "b": ("FP32", [None, 2])}
    outputs = [("sum", "FP32", [-1, 2]), ("difference", "FP32", [-1, 2])]

    def predict(self, b, a):
        return a + b, a - b


class Anything:
    def predict(self, **inputs):
        return {name: value * 2 for name, value in inputs.items()}


class Items:
    def predict(self, items):
        return [{"said": item, "size": numpy.float32(1.5)} for item in items]


class Old:
    made = []

    def __init__(self):
        self.made.append(self)

    def get_env(self, device_id, tmp_dir):
        return ["env", device_id]

    def get_preprocess(self, envs):
        return lambda batch: batch + 1

    def get_postprocess(self, envs):
        return lambda answers: answers * 10

    def get_model(self, envs, model_dir, model_name, tmp_dir):
        return [envs, model_dir, model_name]

    def predict(self, model, input):
        assert model == [["env", -1], "/models", "m.h5"]
        self.record_statistic({"n": len(input)})
        return input


def host(name, **more):
    made = Host()
    context = {"name": "m", "version": "1", "target": f"{HERE}:{name}", "arguments": {}, "devices": [],
               "memory_fraction": 0.0, "batch_size": 4, "worker": 0, **more}  # fmt: skip
    return made, made.load("labd.plugins.serving.worker.python", context, [], [])


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, HERE, sys.modules[__name__])


def floats(name, *rows):
    data = struct.pack(f"<{2 * len(rows)}f", *(value for row in rows for value in row))
    return [name, "FP32", [len(rows), 2], data]


def outputs(said):
    return {name: tensors.array(dtype, shape, data).tolist() for name, dtype, shape, data in said["outputs"]}


def test_inputs_go_by_name_and_a_list_of_outputs_by_place():
    made, said = host("Sum")
    assert said["inputs"] == [["a", "FP32", [-1, 2]], ["b", "FP32", [-1, 2]]]
    found = made.infer([1], [floats("a", (3, 4)), floats("b", (1, 1))])
    assert outputs(found) == {"sum": [[4, 5]], "difference": [[2, 3]]}


def test_a_model_may_take_any_names():
    made, said = host("Anything")
    assert (said["inputs"], said["streaming"]) == ([], False)
    assert outputs(made.infer([1], [floats("q", (1, 2))])) == {"q": [[2, 4]]}


def test_names_that_it_does_not_have_are_the_clients_mistake():
    made, _ = host("Sum")
    with pytest.raises(ValueError, match="predict takes b, a; the request has a, z"):
        made.infer([1], [floats("a", (1, 2)), floats("z", (1, 2))])


def test_it_is_warmed_up_with_zeros_of_one_row_and_of_a_whole_batch():
    made, said = host("Sum")
    assert made.warm_up(said["inputs"], 4)
    assert not host("Anything")[0].warm_up([], 4)


def test_items_of_json_are_a_list_in_and_a_list_out():
    made, _ = host("Items")
    message = ["i", "RAW", [2], [b'{"a": 1}', b"5"]]
    [[_, _, shape, data]] = made.infer([1, 1], [message], "labd.plugins.serving.worker.json")["outputs"]
    assert shape == [2]
    assert [json.loads(one) for one in data] == [{"said": {"a": 1}, "size": 1.5}, {"said": 5, "size": 1.5}]


def test_the_old_contract_is_called_as_it_says():
    made, _ = host("Old", arguments={"model_dir": "/models", "model_name": "m.h5"})
    assert outputs(made.infer([1], [floats("x", (1, 2))])) == {"output": [[20, 30]]}
    assert Old.made[-1].batch_size == 4


def test_an_old_class_that_has_only_what_it_must_is_enough(tmp_path):
    class Bare:
        def get_model(self, envs, model_dir, model_name, tmp_dir):
            return 3

        def predict(self, model, input):
            return [model for _ in input]

    context = Context("m", "1", "", {"model_dir": str(tmp_path)}, [2], 0.5, 4, 1)
    assert contract.adapt(Bare, context).predict([1, 2]) == [3, 3]


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("BOOL", True), ("UINT8", 200), ("INT16", -3), ("UINT64", 2**63), ("FP16", 0.5), ("FP64", 1e300)],
)
def test_numbers_come_as_they_went(dtype, value):
    array = numpy.array([[value]], tensors.KINDS[dtype])
    name, kind, shape, data = tensors.output("y", array)
    assert (name, kind, tensors.array(kind, shape, data).tolist()) == ("y", dtype, [[value]])


def test_texts_bfloat16_and_arrays_that_lie_otherwise_in_memory():
    found = tensors.output("y", ["a", "ö", b"\xff\0"])
    assert tensors.array(*found[1:]).tolist() == [b"a", "ö".encode(), b"\xff\0"]
    assert tensors.array("BF16", [1], b"\xc0\x3f").tolist() == [1.5]
    turned = numpy.arange(6, dtype=">i4").reshape(2, 3).T
    _, kind, shape, data = tensors.output("y", turned)
    assert (kind, tensors.array(kind, shape, data).tolist()) == ("INT32", turned.tolist())
    with pytest.raises(TypeError, match="complex"):
        tensors.output("y", [1j])
