"""The client of others, unmodified: tritonclient, where it is installed."""

import warnings
from multiprocessing import resource_tracker

import pytest
import trio

from tests.plugins.serving_http.build import models, served

numpy = pytest.importorskip("numpy")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    http = pytest.importorskip("tritonclient.http", reason="pip install tritonclient[http]")
    utils = pytest.importorskip("tritonclient.utils")
    shared_memory = pytest.importorskip("tritonclient.utils.shared_memory")

pytestmark = pytest.mark.filterwarnings("ignore")

X = numpy.arange(8, dtype="float32").reshape(2, 4)
KEYS = ("labd-test-in", "labd-test-out")


def asked(binary: bool, name: str = "x", data=X, kind: str = "FP32"):
    made = http.InferInput(name, list(data.shape), kind)
    made.set_data_from_numpy(data, binary_data=binary)
    return made


async def with_client(use, **settings):
    """Run *use* in a thread, with a client of a fresh server."""
    async with served(models(), **settings) as place:

        def run():
            client = http.InferenceServerClient(f"127.0.0.1:{place.port}")
            try:
                return use(client)
            finally:
                client.close()

        return await trio.to_thread.run_sync(run)


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
async def test_infer_in_json_and_binary(binary_in, binary_out):
    def use(client):
        outputs = [http.InferRequestedOutput("y", binary_data=binary_out)]
        answer = client.infer("sums", [asked(binary_in)], outputs=outputs, request_id="7")
        assert answer.get_response()["id"] == "7"
        return answer.as_numpy("y")

    assert (await with_client(use)).tolist() == [[6.0], [22.0]]


async def test_infer_without_outputs_with_priority_and_timeout():
    def use(client):
        return client.infer("sums", [asked(True)], model_version="1", priority=2, timeout=2_000_000).as_numpy(
            "y"
        )

    assert (await with_client(use)).tolist() == [[6.0], [22.0]]


async def test_many_at_once():
    def use(client):
        waiting = [client.async_infer("sums", [asked(True)]) for _ in range(20)]
        return [one.get_result().as_numpy("y").tolist() for one in waiting]

    assert await with_client(use) == [[[6.0], [22.0]]] * 20


TYPES = [
    "bool",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "float64",
    "S3",
]


@pytest.mark.parametrize("kind", TYPES)
async def test_every_type_comes_back_as_it_was(kind):
    data = numpy.array([b"abc", b"d"], dtype=object) if kind == "S3" else numpy.array([1, 0], dtype=kind)
    word = utils.np_to_triton_dtype(data.dtype)

    def use(client):
        return client.infer("echo", [asked(True, data=data, kind=word)]).as_numpy("x")

    found = await with_client(use)
    assert found.tolist() == data.tolist()


async def test_metadata_and_health():
    def use(client):
        assert client.is_server_live()
        assert not client.is_server_ready()  # one of the models is loading
        assert client.is_model_ready("sums")
        assert not client.is_model_ready("down")
        assert client.get_server_metadata()["name"] == "labd"
        assert client.get_model_config("sums")["max_batch_size"] == 1
        assert client.get_inference_statistics("sums")["model_stats"][0]["name"] == "sums"
        return client.get_model_metadata("sums")

    found = await with_client(use)
    assert found["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]
    assert (found["name"], found["versions"]) == ("sums", ["1"])


async def test_load_unload_and_the_index():
    def use(client):
        states = {one["name"]: one["state"] for one in client.get_model_repository_index()}
        assert states == {"echo": "READY", "sums": "READY", "two": "READY", "down": "LOADING"}
        client.unload_model("sums")
        with pytest.raises(utils.InferenceServerException, match="sums is unloaded"):
            client.infer("sums", [asked(True)])
        assert not client.is_model_ready("sums")
        client.load_model("sums")
        return client.is_model_ready("sums")

    assert await with_client(use, role="operate")


async def test_shared_memory_both_ways(monkeypatch):
    for name in ("register", "unregister"):  # a process beside us that would outlive the test
        monkeypatch.setattr(resource_tracker, name, lambda *about: None)

    def use(client):
        into = shared_memory.create_shared_memory_region("in", KEYS[0], X.nbytes)
        out = shared_memory.create_shared_memory_region("out", KEYS[1], 8)
        try:
            shared_memory.set_shared_memory_region(into, [X])
            client.register_system_shared_memory("in", KEYS[0], X.nbytes)
            client.register_system_shared_memory("out", KEYS[1], 8)
            assert {one["name"] for one in client.get_system_shared_memory_status()} == {"in", "out"}
            ask = http.InferInput("x", [2, 4], "FP32")
            ask.set_shared_memory("in", X.nbytes)
            want = http.InferRequestedOutput("y")
            want.set_shared_memory("out", 8)
            described = client.infer("sums", [ask], outputs=[want]).get_output("y")
            assert described["parameters"]["shared_memory_region"] == "out"
            found = shared_memory.get_contents_as_numpy(out, "float32", [2, 1]).tolist()
            with pytest.raises(utils.InferenceServerException, match="registered already"):
                client.register_system_shared_memory("in", KEYS[0], X.nbytes)
            client.unregister_system_shared_memory("in")
            with pytest.raises(utils.InferenceServerException, match="no shared memory region 'in'"):
                client.infer("sums", [ask])
            client.unregister_system_shared_memory()
            assert client.get_system_shared_memory_status() == []
            return found
        finally:
            for region in (into, out):
                shared_memory.destroy_shared_memory_region(region)

    assert await with_client(use) == [[6.0], [22.0]]


async def test_errors_are_its_exceptions():
    def use(client):
        with pytest.raises(utils.InferenceServerException, match="there is no model 'nope'"):
            client.infer("nope", [asked(True)])
        with pytest.raises(utils.InferenceServerException, match="weights are being read"):
            client.infer("down", [asked(True)])
        with pytest.raises(utils.InferenceServerException, match="no output 'z'"):
            client.infer("sums", [asked(True)], outputs=[http.InferRequestedOutput("z")])
        return True

    assert await with_client(use)
