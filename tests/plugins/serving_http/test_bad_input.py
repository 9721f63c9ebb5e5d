"""What cannot be answered: each with its code and a text, and the next request is answered."""

import struct

import msgspec
import pytest

from tests.plugins.serving_http.build import NUMBERS, binary, head, raw, served

INFER = "/v2/models/sums/infer"
FIELD = "inference_header_content_length"


def tensor(**changes):
    return head(**changes)["inputs"][0]


def without(name):
    found = tensor()
    del found[name]
    return {"inputs": [found]}


def listed(data, shape=(1, 4), datatype="FP32", **more):
    one = {"name": "x", "shape": shape, "datatype": datatype, "data": data}
    return {"inputs": [one], **more}


JSON = {
    "nothing": (b"", 400, "not what the protocol wants"),
    "no JSON": (b"{", 400, "not what the protocol wants"),
    "not UTF-8": (b'{"id":"\xff"}', 400, "not what the protocol wants"),
    "a list": (b"[]", 400, "Expected `object`, got `array`"),
    "a number": (b"7", 400, "Expected `object`, got `int`"),
    "deep": (b"[" * 100_000, 400, "not what the protocol wants"),
    "deep data": (
        b'{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":'
        + b"[" * 50_000
        + b"]" * 50_000
        + b"}]}",
        400,
        "",
    ),
    "no inputs": (b"{}", 400, "missing required field `inputs`"),
    "empty inputs": ({"inputs": []}, 400, "length >= 1"),
    "inputs a map": ({"inputs": {}}, 400, "Expected `array`, got `object` - at `$.inputs`"),
    "no name": (without("name"), 400, "missing required field `name`"),
    "no shape": (without("shape"), 400, "missing required field `shape`"),
    "no datatype": (without("datatype"), 400, "missing required field `datatype`"),
    "an empty name": (listed([1, 2, 3, 4]) | {"inputs": [tensor(name="")]}, 400, "length >= 1"),
    "a name that is a number": ({"inputs": [tensor(name=7)]}, 400, "Expected `str`, got `int`"),
    "an unknown datatype": (listed([1], datatype="FP33"), 400, "there is no datatype 'FP33'"),
    "a datatype of numpy's": (listed([1], datatype="float32"), 400, "one of BOOL, UINT8"),
    "a length below nothing": (listed([1], shape=[-1, 4]), 400, ">= 0"),
    "a length that is no number": (listed([1], shape=["4"]), 400, "Expected `int`, got `str`"),
    "a length beyond all": (listed([1], shape=[2**62]), 400, "<= 281474976710656"),
    "a shape of 33": (listed([1], shape=[1] * 33), 400, "length <= 32"),
    "too few": (listed([1, 2, 3]), 400, "has 12 bytes of data, FP32 [1, 4] is 16 bytes"),
    "too many": (listed([1, 2, 3, 4, 5]), 400, "has 20 bytes of data, FP32 [1, 4] is 16 bytes"),
    "none where some are wanted": (listed([]), 400, "has 0 bytes of data"),
    "an overflow of the product": (
        listed([1], shape=[2**40, 2**40]),
        400,
        "is 4835703278458516698824704 bytes",
    ),
    "ragged": (listed([[1, 2], [3]]), 400, "not of one length"),
    "lists and numbers": (listed([[1, 2, 3], 4]), 400, "not of one length"),
    "texts for numbers": (listed(["1", "2", "3", "4"]), 400, "not a list of FP32"),
    "nulls": (listed([None] * 4), 400, "not a list of FP32"),
    "data that is no list": (listed(7), 400, "not a list of FP32"),
    "a fraction for an integer": (listed([1.5], [1], "INT32"), 400, "not a list of INT32"),
    "too large for INT8": (listed([128], [1], "INT8"), 400, "a value that INT8 cannot hold"),
    "below nothing for UINT64": (listed([-1], [1], "UINT64"), 400, "a value that UINT64 cannot hold"),
    "too large for any": (
        b'{"inputs":[{"name":"x","shape":[1],"datatype":"INT64","data":[1%b]}]}' % (b"0" * 30),
        400,
        "INT64",
    ),
    "a number for BOOL": (listed([2], [1], "BOOL"), 400, "not a list of BOOL"),
    "a number for BYTES": (listed([2], [1], "BYTES"), 400, "not a list of BYTES"),
    "FP16 in JSON": (listed([1], [1], "FP16"), 400, "FP16 has no form in JSON"),
    "BF16 in JSON": (listed([1], [1], "BF16"), 400, "send it as a binary tensor"),
    "data twice": ({"inputs": [tensor(data=[1, 2, 3, 4])]}, 400, "in none or several places"),
    "data nowhere": ({"inputs": [tensor(parameters={})]}, 400, "data, or binary_data_size, or a region"),
    "an input twice": (
        {"inputs": [tensor(parameters={}, data=[1, 2, 3, 4])] * 2},
        400,
        "input 'x' is there twice",
    ),
    "an output twice": (listed([1, 2, 3, 4], outputs=[{"name": "y"}] * 2), 400, "output 'y' is there twice"),
    "an unknown output": (listed([1, 2, 3, 4], outputs=[{"name": "z"}]), 400, "no output 'z'"),
    "classification": (
        listed([1, 2, 3, 4], outputs=[{"name": "y", "parameters": {"classification": 3}}]),
        400,
        "labd does not classify",
    ),
    "binary_data that is a text": (
        listed([1, 2, 3, 4], outputs=[{"name": "y", "parameters": {"binary_data": "yes"}}]),
        400,
        "true or false",
    ),
    "binary_data_output that is a number": (
        listed([1, 2, 3, 4], parameters={"binary_data_output": 1}),
        400,
        "true or false, not 1",
    ),
    "a priority below nothing": (
        listed([1, 2, 3, 4], parameters={"priority": -1}),
        400,
        "priority is a number from 0 on",
    ),
    "a timeout that is a text": (
        listed([1, 2, 3, 4], parameters={"timeout": "1s"}),
        400,
        "timeout is a number from 0 on",
    ),
    "parameters that are a list": (
        listed([1, 2, 3, 4], parameters=[]),
        400,
        "Expected `object`, got `array`",
    ),
    "an id that is a list": (listed([1, 2, 3, 4], id=[]), 400, "`$.id`"),
    "an unknown region": (
        {"inputs": [tensor(parameters={"shared_memory_region": "no", "shared_memory_byte_size": 16})]},
        404,
        "no shared memory region 'no'",
    ),
    "a region without a size": (
        {"inputs": [tensor(parameters={"shared_memory_region": "no"})]},
        400,
        "byte_size is missing",
    ),
    "a region of another size": (
        {"inputs": [tensor(parameters={"shared_memory_region": "no", "shared_memory_byte_size": 15})]},
        400,
        "has 15 bytes of data",
    ),
    "an output to an unknown region": (
        listed(
            [1, 2, 3, 4],
            outputs=[
                {"name": "y", "parameters": {"shared_memory_region": "no", "shared_memory_byte_size": 4}}
            ],
        ),
        404,
        "no shared memory region",
    ),
}

COUNTED = len(JSON)


@pytest.fixture
async def client():
    async with served() as place:
        yield await place.connect()


async def refused(client, answer, status, text):
    assert answer.status == status
    assert text in answer.error
    assert answer.headers["content-type"] == "application/json"
    again = await client.ask("POST", INFER, msgspec.json.encode(listed([1, 2, 3, 4])))
    assert (again.status, again.json["outputs"][0]["data"]) == (200, [10.0])


@pytest.mark.parametrize("case", JSON)
async def test_a_wrong_document_has_a_code_and_a_text(client, case):
    body, status, text = JSON[case]
    sent = body if isinstance(body, bytes) else msgspec.json.encode(body)
    await refused(client, await client.ask("POST", INFER, sent), status, text)


BINARY = {
    "a truncated tensor": (head(), NUMBERS[:-1], None, 400, "15 bytes follow the head, its inputs say 16"),
    "a tensor too long": (head(), NUMBERS + b"x", None, 400, "17 bytes follow the head, its inputs say 16"),
    "no tensor": (head(), b"", None, 400, "0 bytes follow the head"),
    "a size that is not the shape's": (
        head(parameters={"binary_data_size": 12}),
        NUMBERS[:12],
        None,
        400,
        "has 12 bytes of data, FP32 [1, 4] is 16",
    ),
    "a size below nothing": (
        head(parameters={"binary_data_size": -16}),
        b"",
        None,
        400,
        "a number from 0 on",
    ),
    "a size that is a text": (
        head(parameters={"binary_data_size": "16"}),
        NUMBERS,
        None,
        400,
        "a number from 0 on, not 16",
    ),
    "a head of 4 GiB": (head(), NUMBERS, "4294967296", 400, "is 4294967296, the whole body has"),
    "a head of more digits than count": (head(), NUMBERS, "9" * 30, 400, "no number of bytes"),
    "a head below nothing": (head(), NUMBERS, "-1", 400, "no number of bytes"),
    "a head that is a text": (head(), NUMBERS, "many", 400, "no number of bytes"),
    "a head that ends within the JSON": (head(), NUMBERS, "20", 400, "not what the protocol wants"),
    "a head that reaches into the tensor": (head(), NUMBERS, "100", 400, "not what the protocol wants"),
    "BYTES cut off in a length": (
        head(datatype="BYTES", shape=[1], parameters={"binary_data_size": 3}),
        b"\1\0\0",
        None,
        400,
        "a length is cut off",
    ),
    "BYTES cut off in an element": (
        head(datatype="BYTES", shape=[1], parameters={"binary_data_size": 5}),
        b"\2\0\0\0a",
        None,
        400,
        "an element is cut off",
    ),
    "BYTES of 4 GiB": (
        head(datatype="BYTES", shape=[1], parameters={"binary_data_size": 4}),
        b"\xff\xff\xff\xff",
        None,
        400,
        "an element is cut off",
    ),
    "too few BYTES": (
        head(datatype="BYTES", shape=[2], parameters={"binary_data_size": 4}),
        b"\0\0\0\0",
        None,
        400,
        "has 1 elements, its shape [2] wants 2",
    ),
    "FP16 asked for in JSON": (
        head(datatype="FP16", shape=[2], parameters={"binary_data_size": 4}),
        b"abcd",
        None,
        400,
        "ask for it with binary_data",
    ),
    "BYTES that are no text, in JSON": (
        head(datatype="BYTES", shape=[1], parameters={"binary_data_size": 5}),
        struct.pack("<I", 1) + b"\xff",
        None,
        400,
        "not UTF-8",
    ),
}


@pytest.mark.parametrize("case", BINARY)
async def test_a_wrong_binary_request_has_a_code_and_a_text(client, case):
    document, tensors, length, status, text = BINARY[case]
    body, fields = binary(document, tensors)
    path = "/v2/models/echo/infer" if "BYTES" in case or "FP16" in case else INFER
    answer = await client.ask("POST", path, body, **(fields if length is None else {FIELD: length}))
    await refused(client, answer, status, text)


GOOD = msgspec.json.encode(listed([1, 2, 3, 4]))
PLACES = {
    "an unknown model": ("POST", "/v2/models/nope/infer", GOOD, {}, 404, "there is no model 'nope'"),
    "an unknown version": ("POST", "/v2/models/sums/versions/9/infer", GOOD, {}, 404, "of version 9"),
    "a model with odd bytes": ("POST", "/v2/models/%00/infer", GOOD, {}, 400, "control characters"),
    "a model that is no UTF-8": ("POST", "/v2/models/%ff/infer", GOOD, {}, 400, "not UTF-8"),
    "a model that is loading": (
        "POST",
        "/v2/models/down/infer",
        GOOD,
        {},
        503,
        "loading: weights are being read",
    ),
    "raw, and two inputs": (
        "POST",
        "/v2/models/two/infer",
        NUMBERS,
        {FIELD: "0"},
        400,
        "has 2 inputs that it names",
    ),
    "raw, and none declared": (
        "POST",
        "/v2/models/echo/infer",
        NUMBERS,
        {FIELD: "0"},
        400,
        "has 0 inputs that it names",
    ),
    "raw, and not whole rows": (
        "POST",
        INFER,
        NUMBERS[:-4],
        {FIELD: "0"},
        400,
        "12 bytes cannot be input 'x'",
    ),
    "raw for an unknown model": (
        "POST",
        "/v2/models/nope/infer",
        NUMBERS,
        {FIELD: "0"},
        404,
        "no model 'nope'",
    ),
    "a packed body": ("POST", INFER, GOOD, {"content_encoding": "gzip"}, 415, "does not unpack gzip"),
    "a deadline that is a text": ("POST", INFER, GOOD, {"labd_timeout": "soon"}, 400, "'soon', not seconds"),
    "a deadline that has passed": ("POST", INFER, GOOD, {"labd_timeout": "-1"}, 400, "not seconds"),
    "a deadline for ever": ("POST", INFER, GOOD, {"labd_timeout": "inf"}, 400, "not seconds"),
    "a deadline that is nothing": ("POST", INFER, GOOD, {"labd_timeout": "nan"}, 400, "not seconds"),
    "GET of infer": ("GET", INFER, b"", {}, 405, "this page takes POST"),
    "a page that there is not": ("GET", "/v2/nope", b"", {}, 404, "there is no page"),
    "metadata of an unknown model": ("GET", "/v2/models/nope", b"", {}, 404, "there is no model 'nope'"),
    "statistics of an unknown model": ("GET", "/v2/models/nope/stats", b"", {}, 404, "there is no model"),
    "readiness of an unknown model": ("GET", "/v2/models/nope/ready", b"", {}, 404, "there is no model"),
    "loading an unknown model": (
        "POST",
        "/v2/repository/models/nope/load",
        b"",
        {},
        404,
        "there is no model",
    ),
    "unloading an unknown model": (
        "POST",
        "/v2/repository/models/nope/unload",
        b"",
        {},
        404,
        "there is no model",
    ),
    "an index that is no JSON": (
        "POST",
        "/v2/repository/index",
        b"{",
        {},
        400,
        "not what the protocol wants",
    ),
    "a region without a key": (
        "POST",
        "/v2/systemsharedmemory/region/r/register",
        b"{}",
        {},
        400,
        "missing required field `key`",
    ),
    "a region out of the folder": (
        "POST",
        "/v2/systemsharedmemory/region/r/register",
        b'{"key":"/../etc/passwd","byte_size":1}',
        {},
        400,
        "not the name of a shared memory",
    ),
    "a region that is a folder up": (
        "POST",
        "/v2/systemsharedmemory/region/r/register",
        b'{"key":"..","byte_size":1}',
        {},
        400,
        "not the name of a shared memory",
    ),
    "a region that there is not": (
        "POST",
        "/v2/systemsharedmemory/region/r/register",
        b'{"key":"/labd-none","byte_size":1}',
        {},
        400,
        "No such file",
    ),
    "a region of no bytes at an offset below nothing": (
        "POST",
        "/v2/systemsharedmemory/region/r/register",
        b'{"key":"/x","byte_size":1,"offset":-1}',
        {},
        400,
        "from 0 on",
    ),
    "status of a region that there is not": (
        "GET",
        "/v2/systemsharedmemory/region/r/status",
        b"",
        {},
        404,
        "no shared memory region",
    ),
    "the page of another site": (
        "POST",
        INFER,
        GOOD,
        {"origin": "http://evil.example"},
        403,
        "a page of another site",
    ),
}


@pytest.mark.parametrize("case", PLACES)
async def test_a_wrong_place_or_field_has_a_code_and_a_text(case):
    method, path, body, fields, status, text = PLACES[case]
    async with served(role="operate") as place:
        client = await place.connect()
        answer = await client.ask(method, path, body, **fields)
        assert answer.status == status
        assert text in answer.error
        client = await place.connect()  # what breaks HTTP itself ends the connection
        again = await client.ask("POST", INFER, GOOD)
        assert again.status == 200


LENGTHS = [
    ("content-length", "4294967296", 413),
    ("content-length", "nan", 400),
    ("transfer-encoding", "gzip", 400),
]


@pytest.mark.parametrize(("name", "value", "status"), LENGTHS)
async def test_a_body_that_cannot_be_taken_is_refused_before_it_comes(client, name, value, status):
    await client.stream.send_all(
        f"POST {INFER} HTTP/1.1\r\nhost: localhost\r\n{name}: {value}\r\n\r\n".encode()
    )
    answer = await client.reply()
    assert (answer.status, answer.headers["connection"]) == (status, "close")
    assert await client.ended()


async def test_a_chunked_body_beyond_the_limit_is_refused():
    async with served(max_body=1024) as place:
        client = await place.connect()
        start = f"POST {INFER} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
        await client.stream.send_all(start.encode() + b"401\r\n" + b"x" * 0x401 + b"\r\n")
        assert (await client.reply()).status == 413


async def test_what_is_no_http_is_told_so_behind_the_answers_before_it(client):
    await client.stream.send_all(raw("POST", INFER, GOOD) + b"\x16\x03\x01 TLS")
    assert [(await client.reply()).status for _ in range(2)] == [200, 400]
    assert await client.ended()


async def test_who_may_only_look_cannot_ask_and_who_may_ask_cannot_unload():
    for role, path, text in (
        ("view", INFER, "needs the role submit"),
        ("submit", "/v2/repository/models/sums/unload", "needs the role operate"),
    ):
        async with served(role=role) as place:
            answer = await (await place.connect()).ask("POST", path, GOOD)
            assert answer.status == 403
            assert text in answer.error


async def test_code_of_ones_own_is_for_admins():
    config = msgspec.json.encode({"parameters": {"config": '{"target":"os:system"}'}})
    async with served(role="operate") as place:
        path = "/v2/repository/models/sums/load"
        answer = await (await place.connect()).ask("POST", path, config)
        assert (answer.status, place.models.loaded) == (403, [])


async def test_a_token_that_is_asked_for_is_needed(tmp_path):
    (tmp_path / "token").write_text("0123456789abcdef\n")
    async with served(token_file=str(tmp_path / "token")) as place:
        client = await place.connect()
        for field in ({}, {"authorization": "Bearer wrong"}, {"authorization": "0123456789abcdef"}):
            assert (await client.ask("POST", INFER, GOOD, **field)).status == 401
        assert (await client.ask("POST", INFER, GOOD, authorization="Bearer 0123456789abcdef")).status == 200
        assert (await client.ask("POST", INFER, GOOD)).status == 401


def test_there_are_fifty_and_more():
    assert len(JSON) + len(BINARY) + len(PLACES) >= 50
