"""Models with real workers and the rest of the node in memory: streams, priorities, drains, engines."""

import struct
from contextlib import aclosing, asynccontextmanager
from getpass import getuser
from pathlib import Path

import pytest
import trio

from labd.api import Inference, ModelFailed, ModelSpec, NotReady, Tensor
from labd.plugins.serving.loaders import all_loaders
from labd.plugins.serving.models import ServedModels
from labd.testing import Node
from labd.workers.service import WorkerHouse

numpy = pytest.importorskip("numpy")
pytestmark = pytest.mark.real
HERE = str(Path(__file__).parent)


@asynccontextmanager
async def house(declared=()):
    """All models of a node that has real workers."""
    node = Node("serving")
    workers = WorkerHouse(node.resources)
    node.workers = workers.of("serving", node.log)
    node.serving.loaders.update({one.name: one for one in all_loaders()})
    node.events.publish = _nowhere
    models = ServedModels(node, dict(declared))
    async with trio.open_nursery() as nursery:
        await nursery.start(workers.run)
        async with trio.open_nursery() as inner:
            await inner.start(models.run)
            yield models
            inner.cancel_scope.cancel()
        nursery.cancel_scope.cancel()


async def _nowhere(kind, data):
    pass


def spec(target, **more):
    return ModelSpec(target=f"served:{target}", path=(HERE,), user=getuser(), sandbox="none", **more)


def numbers(*values, **more):
    data = struct.pack(f"<{len(values)}q", *values)
    return Inference("m", (Tensor("x", "INT64", (len(values), 1), data),), **more)


def said(answer):
    return numpy.frombuffer(answer.tensors[0].data, "<i8").tolist()


@pytest.fixture
def autojump_clock():
    """The real clock: these are real processes."""


async def test_a_generator_streams_its_pieces_in_order():
    async with house() as models:
        view = await models.load("m", spec("Stream"))
        assert view.state == "ready"
        async with aclosing(models.stream(numbers(20))) as answers:
            found = [answer async for answer in answers]
        assert models.metadata("m").streaming
        assert [said(one) for one in found[:-1]] == [[n] for n in range(20)]
        assert [one.final for one in found] == [False] * 20 + [True]
        assert found[-1].tensors == ()


async def test_a_stream_that_is_left_stops_and_the_next_is_served():
    async with house() as models:
        await models.load("m", spec("Stream"))
        async with aclosing(models.stream(numbers(10**9))) as answers:
            assert said(await anext(answers)) == [0]
        with trio.fail_after(30):
            async with aclosing(models.stream(numbers(1, timeout=30.0))) as answers:
                assert [one.final async for one in answers] == [False, True]


async def test_an_unloaded_model_answers_what_it_had_taken():
    async with house() as models:
        await models.load("m", spec("Double", arguments={"pause": 0.05}, max_batch_size=1))
        found = []
        for n in range(10):
            models.submit(numbers(n), found.append)
        await models.unload("m")
        assert [said(one) for one in found] == [[2 * n] for n in range(10)]
        with pytest.raises(NotReady):
            models.submit(numbers(1), found.append)


async def test_who_has_a_high_priority_goes_first():
    async with house() as models:
        await models.load("m", spec("Double", arguments={"pause": 0.02}, max_batch_size=1))
        order = []
        for n in range(6):
            models.submit(numbers(n, priority=80), order.append)
        await models.infer(numbers(100, priority=1))
        assert [said(one)[0] for one in order] == [0]


async def test_a_cancelled_caller_takes_its_request_along():
    async with house() as models:
        await models.load("m", spec("Double", arguments={"pause": 0.2}))
        with trio.move_on_after(0.05):
            await models.infer(numbers(1))
        assert models.statistics("m")[0].cancelled == 1


async def test_several_inputs_and_parts_of_a_batch_of_every_size():
    """Many callers at once, each with rows of its own: everybody gets theirs."""
    async with house() as models:
        await models.load("m", spec("Double", workers=2, max_batch_size=8))
        wrong = []

        async def caller(n):
            values = [n * 10 + k for k in range(n % 8 + 1)]
            if said(await models.infer(numbers(*values))) != [2 * v for v in values]:
                wrong.append(n)

        async with trio.open_nursery() as nursery:
            for n in range(100):
                nursery.start_soon(caller, n)
        assert wrong == []
        assert models.statistics("m")[0].rows == sum(n % 8 + 1 for n in range(100))


def floats(name, array):
    plain = numpy.ascontiguousarray(array, "<f4")
    return Inference("m", (Tensor(name, "FP32", plain.shape, plain.tobytes()),))


async def test_layers_of_a_numpy_file(tmp_path):
    file, random = tmp_path / "net.npz", numpy.random.default_rng(1)
    w0, b0, w1, b1 = (random.normal(size=shape).astype("f4") for shape in [(4, 3), 3, (3, 2), 2])
    numpy.savez(file, w0=w0, b0=b0, w1=w1, b1=b1)
    x = random.normal(size=(5, 4)).astype("f4")
    async with house() as models:
        loaded = ModelSpec(loader="numpy", arguments={"file": str(file)}, user=getuser(), sandbox="none")
        view = await models.load("m", loaded)
        assert view.inputs[0].shape == (-1, 4)
        answer = await models.infer(floats("x", x))
    found = numpy.frombuffer(answer.tensors[0].data, "f4").reshape(5, 2)
    assert numpy.allclose(found, numpy.maximum(x @ w0 + b0, 0) @ w1 + b1, atol=1e-5)


async def test_a_file_that_is_none_is_an_error_with_its_name(tmp_path):
    async with house() as models:
        loaded = ModelSpec(loader="numpy", arguments={"file": "/no/such.npz"}, user=getuser(), sandbox="none")
        with pytest.raises(ModelFailed, match=r"/no/such\.npz"):
            await models.load("m", loaded)


async def test_an_onnx_file(tmp_path):
    pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    onnx = pytest.importorskip("onnx", reason="needs onnx")
    weights = numpy.arange(8, dtype="f4").reshape(4, 2)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])], "g",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", 4])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["batch", 2])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )  # fmt: skip
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(tmp_path / "m.onnx"))
    async with house() as models:
        arguments = {"file": str(tmp_path / "m.onnx")}
        view = await models.load(
            "m", ModelSpec(loader="onnx", arguments=arguments, user=getuser(), sandbox="none")
        )
        assert [(one.name, one.datatype, one.shape) for one in view.inputs] == [("x", "FP32", (-1, 4))]
        answer = await models.infer(floats("x", numpy.ones((2, 4))))
    assert numpy.frombuffer(answer.tensors[0].data, "f4").tolist() == [12.0, 16.0, 12.0, 16.0]


MAKE_KERAS = """
import sys
import tensorflow as tf
tf.keras.utils.set_random_seed(1)
model = tf.keras.Sequential([tf.keras.Input((4,), name="x"), tf.keras.layers.Dense(3, name="d")])
model.save(sys.argv[1] + "/m.keras")
model.export(sys.argv[1] + "/saved")
print(model(tf.ones((2, 4))).numpy().tolist())
"""


async def test_keras_and_saved_model_in_workers_of_a_warm_template(tmp_path):
    pytest.importorskip("tensorflow", reason="needs tensorflow-cpu")
    import json
    import sys

    done = await trio.run_process([sys.executable, "-c", MAKE_KERAS, str(tmp_path)], capture_stdout=True)
    wanted = json.loads(done.stdout.splitlines()[-1])
    async with house() as models:
        for file in ("m.keras", "saved"):
            arguments = {"file": str(tmp_path / file)}
            view = await models.load(
                "m",
                ModelSpec(
                    loader="tensorflow", arguments=arguments, workers=2, user=getuser(), sandbox="none"
                ),
            )
            [taken] = view.inputs
            answer = await models.infer(floats(taken.name, numpy.ones((2, 4))))
            found = numpy.frombuffer(answer.tensors[0].data, "f4").reshape(2, 3)
            assert numpy.allclose(found, wanted, atol=1e-5)
