"""Inference over HTTP, on a lane and by a route: what is asked for and what comes back."""

import math
import struct

import msgspec
import pytest
import trio

from labd.api import Answer, DeadlineExceeded, ModelFailed, Overloaded, Tensor
from tests.plugins.serving_http.build import NUMBERS, binary, head, models, raw, served

INFER = "/v2/models/sums/infer"


@pytest.fixture
async def place():
    async with served() as place:
        yield place


@pytest.fixture
async def client(place):
    return await place.connect()


def described(answer):
    size = int(answer.headers["inference-header-content-length"])
    return msgspec.json.decode(answer.body[:size]), answer.body[size:]


async def test_numbers_in_json_are_answered_in_json(client):
    ask = {"id": "7", "inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
    answer = await client.ask("POST", INFER, msgspec.json.encode(ask))
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    output = {"name": "y", "datatype": "FP32", "shape": [1, 1], "data": [10.0]}
    assert answer.json == {"id": "7", "model_name": "sums", "model_version": "1", "outputs": [output]}


@pytest.mark.parametrize("data", [[[1, 2, 3, 4], [5, 6, 7, 8]], [1, 2, 3, 4, 5, 6, 7, 8]])
async def test_numbers_may_be_nested_or_flat(client, data):
    ask = {"inputs": [{"name": "x", "shape": [2, 4], "datatype": "FP32", "data": data}]}
    answer = await client.ask("POST", INFER, msgspec.json.encode(ask))
    assert answer.json["outputs"][0]["data"] == [10.0, 26.0]


async def test_a_binary_tensor_is_answered_in_binary_when_that_is_asked_for(client):
    body, fields = binary(head() | {"outputs": [{"name": "y", "parameters": {"binary_data": True}}]}, NUMBERS)
    said, data = described(await client.ask("POST", INFER, body, **fields))
    assert said["outputs"] == [
        {"name": "y", "datatype": "FP32", "shape": [1, 1], "parameters": {"binary_data_size": 4}}
    ]
    assert struct.unpack("<f", data) == (10.0,)


async def test_binary_data_output_says_it_for_all(client):
    body, fields = binary(head() | {"id": "a", "parameters": {"binary_data_output": True}}, NUMBERS)
    said, data = described(await client.ask("POST", INFER, body, **fields))
    assert (said["id"], len(data)) == ("a", 4)


async def test_a_binary_tensor_is_answered_in_json_otherwise(client):
    body, fields = binary(head(), NUMBERS)
    assert (await client.ask("POST", INFER, body, **fields)).json["outputs"][0]["data"] == [10.0]


async def test_a_raw_body_is_the_one_tensor_of_the_model(client):
    answer = await client.ask("POST", INFER, NUMBERS * 2, inference_header_content_length="0")
    said, data = described(answer)
    assert (said["outputs"][0]["shape"], struct.unpack("<2f", data)) == ([2, 1], (10.0, 10.0))


async def test_json_and_binary_tensors_may_be_mixed(place, client):
    inputs = [
        {"name": "a", "shape": [2], "datatype": "INT8", "data": [-1, 5]},
        {"name": "b", "shape": [2], "datatype": "BF16", "parameters": {"binary_data_size": 4}},
        {"name": "c", "shape": [2], "datatype": "BYTES", "data": ["ü", ""]},
    ]
    outputs = [{"name": "a"}, {"name": "b", "parameters": {"binary_data": True}}, {"name": "c"}]
    body, fields = binary({"inputs": inputs, "outputs": outputs}, b"\x80\x3f\x00\x40")
    said, data = described(await client.ask("POST", "/v2/models/echo/infer", body, **fields))
    assert [one.get("data") for one in said["outputs"]] == [[-1, 5], None, ["ü", ""]]
    assert data == b"\x80\x3f\x00\x40"
    assert [one.dtype for one in place.models.requests[0].tensors] == ["INT8", "BF16", "BYTES"]


EVERY = {
    "BOOL": [True, False],
    "UINT8": [0, 255],
    "UINT16": [0, 65535],
    "UINT32": [0, 2**32 - 1],
    "UINT64": [0, 2**64 - 1],
    "INT8": [-128, 127],
    "INT16": [-(2**15), 2**15 - 1],
    "INT32": [-(2**31), 2**31 - 1],
    "INT64": [-(2**63), 2**63 - 1],
    "FP32": [0.5, -2.0],
    "FP64": [0.1, 1e300],
    "BYTES": ["a", "b\n"],
}


@pytest.mark.parametrize("kind", EVERY)
async def test_every_datatype_goes_there_and_back(client, kind):
    ask = {"inputs": [{"name": "x", "shape": [2], "datatype": kind, "data": EVERY[kind]}]}
    answer = await client.ask("POST", "/v2/models/echo/infer", msgspec.json.encode(ask))
    assert answer.json["outputs"][0]["data"] == EVERY[kind]


@pytest.mark.parametrize("where", ["parameter", "field", "both"])
async def test_a_deadline_comes_as_a_parameter_or_as_a_field(place, client, where):
    parameters = {"timeout": 50_000, "priority": 3} if where != "field" else {"priority": 3}
    body, fields = binary(head() | {"parameters": parameters}, NUMBERS)
    fields |= {"labd_timeout": "0.05" if where == "field" else "9"} if where != "parameter" else {}
    await client.ask("POST", INFER, body, **fields)
    asked = place.models.requests[0]
    assert (asked.priority, asked.timeout) == (3, pytest.approx(0.05))
    assert asked.arrived > 0


async def test_answers_leave_in_the_order_of_the_requests_whatever_is_done_first(place, client):
    place.models.hold = True
    body, fields = binary(head(), NUMBERS)
    await client.stream.send_all(raw("POST", INFER, body, **fields) * 3)
    await _until(lambda: len(place.models.held) == 3)
    for held, value in zip(reversed(place.models.held), (3.0, 2.0, 1.0), strict=True):
        y = Tensor("y", "FP32", (1, 1), struct.pack("<f", value))
        held.finish(Answer("sums", "1", "", (y,)))
    found = [(await client.reply()).json["outputs"][0]["data"] for _ in range(3)]
    assert found == [[1.0], [2.0], [3.0]]


async def test_other_requests_wait_their_turn_on_the_same_connection(place, client):
    place.models.hold = True
    body, fields = binary(head(), NUMBERS)
    await client.stream.send_all(
        raw("POST", INFER, body, **fields) + raw("GET", "/v2") + raw("POST", INFER, body, **fields)
    )
    await _until(lambda: place.models.held)
    place.models.hold = False
    place.models.held[0].finish()
    assert [(await client.reply()).status for _ in range(3)] == [200, 200, 200]


async def test_13_what_nobody_waits_for_never_reaches_the_model(place, client):
    place.models.hold = True
    body, fields = binary(head(), NUMBERS)
    await client.stream.send_all(raw("POST", INFER, body, **fields) * 5)
    await _until(lambda: len(place.models.held) == 5)
    await client.stream.aclose()
    await _until(lambda: all(held.cancelled for held in place.models.held))
    assert place.front.tally.requests["POST", "/v2/models/{model}/infer", 499] == 5


async def test_a_client_that_takes_no_answer_is_waited_for(place):
    """Its answers fill the socket; the rest is sent when it reads again, and all of it is right."""
    client = await place.connect()
    data = bytes(range(256)) * 4096
    ask = {"inputs": [{"name": "x", "shape": [len(data)], "datatype": "UINT8"} | _size(data)]}
    body, fields = binary(ask | {"parameters": {"binary_data_output": True}}, data)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.stream.send_all, raw("POST", "/v2/models/echo/infer", body, **fields) * 8)
        for _ in range(8):
            _, found = described(await client.reply())
            assert found == data


def _size(data):
    return {"parameters": {"binary_data_size": len(data)}}


@pytest.mark.parametrize("pieces", [1, 7, 100])
async def test_bytes_mean_the_same_wherever_they_are_cut(place, client, pieces):
    body, fields = binary(head(), NUMBERS)
    data = raw("POST", INFER, body, **fields) * 3
    for at in range(0, len(data), pieces):
        await client.stream.send_all(data[at : at + pieces])
        await trio.lowlevel.checkpoint()
    assert [(await client.reply()).status for _ in range(3)] == [200] * 3


FAULTS = [
    (Overloaded("1000 requests wait", data={"retry_after": 2.6}), 429, "3"),
    (DeadlineExceeded("its time ran out"), 504, None),
    (ModelFailed("ValueError: no", hint="the log of the model says more"), 500, None),
]


@pytest.mark.parametrize(("fault", "status", "retry"), FAULTS, ids=[str(row[1]) for row in FAULTS])
@pytest.mark.parametrize("late", [False, True])
async def test_what_goes_wrong_has_its_status_and_text(place, client, fault, status, retry, late):
    body, fields = binary(head(), NUMBERS)
    place.models.refusal, place.models.hold = (None if late else fault), late
    await client.send("POST", INFER, body, **fields)
    if late:
        await _until(lambda: place.models.held)
        place.models.held[0].finish(fault)
    answer = await client.reply()
    assert (answer.status, answer.headers.get("retry-after")) == (status, retry)
    assert fault.message in answer.error
    assert (await client.ask("GET", "/v2/health/live")).status == 200


@pytest.mark.parametrize("accept", ["application/x-ndjson", "text/event-stream"])
async def test_a_stream_comes_answer_by_answer(accept):
    found = models()

    def words(request):
        for n in range(3):
            y = Tensor("y", "INT32", (1,), struct.pack("<i", n))
            yield Answer("count", "1", request.id, (y,), final=False)
        yield Answer("count", "1", request.id, ())

    found.put(found.views["echo", "1"].__class__("count", "1", "ready", streaming=True), words)
    async with served(found) as place:
        client = await place.connect()
        ask = {"inputs": [{"name": "x", "shape": [1], "datatype": "BYTES", "data": ["go"]}]}
        path = "/v2/models/count/infer_stream"
        answer = await client.ask("POST", path, msgspec.json.encode(ask), accept=accept)
        assert (answer.status, answer.headers["content-type"]) == (200, accept)
        mark = b"data: " if "event" in accept else b""
        lines = [line.removeprefix(mark) for line in answer.body.split(b"\n") if line]
        assert [msgspec.json.decode(line)["outputs"][0]["data"] for line in lines] == [[0], [1], [2]]
        body = msgspec.json.encode(ask)
        first = await client.ask("POST", "/v2/models/count/infer", body)
        assert first.json["outputs"][0]["data"] == [0]


async def test_a_not_a_number_is_null_in_json(place, client):
    ask = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "parameters": {"binary_data_size": 4}}]}
    body, fields = binary(ask, struct.pack("<f", math.nan))
    answer = await client.ask("POST", "/v2/models/echo/infer", body, **fields)
    assert answer.json["outputs"][0]["data"] == [None]


async def _until(found):
    with trio.fail_after(5):
        while not found():  # noqa: ASYNC110 - what happens here tells nobody
            await trio.sleep(0.005)
