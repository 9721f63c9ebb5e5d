"""What else is answered: health, metadata, the repository, old paths, the page, the daemon's own server."""

import io
import json
import os

import msgspec
import pytest
import trio

from labd.api import Answer, Metrics, ModelFailed, ModelSpec, ModelView, Peer, Tensor
from labd.http.refusal import Refusal
from labd.plugins.serving_http import items
from labd.plugins.serving_http.forms import fields
from labd.plugins.serving_http.oip.request import Region
from labd.plugins.serving_http.oip.shared import Regions
from labd.plugins.serving_http.plugin import labd_metrics
from labd.plugins.serving_http.settings import Settings, address
from labd.testing import FakeModels, Node
from tests.plugins.serving_http.build import NUMBERS, binary, head, models, served


@pytest.fixture
async def client():
    async with served(role="operate") as place:
        yield await place.connect()


async def test_the_server_says_what_it_speaks(client):
    found = (await client.ask("GET", "/v2")).json
    assert found["name"] == "labd"
    assert "binary_tensor_data" in found["extensions"]


async def test_ready_means_it(client):
    assert [(await client.ask("GET", f"/v2/health/{word}")).status for word in ("live", "ready")] == [
        200,
        503,
    ]
    for model, status in (("sums", 200), ("down", 503)):
        answer = await client.ask("GET", f"/v2/models/{model}/ready")
        assert (answer.status, answer.body) == (status, b"")
    await client.ask("POST", "/v2/repository/models/down/unload")
    assert (await client.ask("GET", "/v2/health/ready")).status == 200


async def test_nobody_who_serves_is_503_and_comes_back():
    node = Node("serving-http", config=Settings(listen="127.0.0.1:0"))
    from labd.plugins.serving_http.front import Front

    front = Front(node)
    with pytest.raises(Exception, match="nobody serves models"):
        front.models()
    with node.serving.serve(FakeModels("m")):
        assert front.models().ready()


async def test_the_index_has_states_and_reasons(client):
    found = (await client.ask("POST", "/v2/repository/index")).json
    assert {"name": "down", "version": "1", "state": "LOADING", "reason": "weights are being read"} in found
    ready = (await client.ask("POST", "/v2/repository/index", b'{"ready":true}')).json
    assert [one["name"] for one in ready] == ["echo", "sums", "two"]


async def test_statistics_are_in_tritons_words_and_in_ours(client):
    body, more = binary(head(), NUMBERS)
    await client.ask("POST", "/v2/models/sums/infer", body, **more)
    (found,) = (await client.ask("GET", "/v2/models/sums/versions/1/stats")).json["model_stats"]
    assert (found["inference_count"], found["inference_stats"]["success"]["count"]) == (1, 1)
    assert found["labd"]["released"] == {"idle": 1}
    assert len((await client.ask("GET", "/v2/models/stats")).json["model_stats"]) == 4


async def test_a_listener_over_its_limit_says_so():
    async with served(max_connections=1) as place:
        await (await place.connect()).ask("GET", "/v2")
        assert (await (await place.connect()).reply()).status == 503


async def test_metrics_count_what_was_answered():
    async with served() as place:
        client = await place.connect()
        body, more = binary(head(), NUMBERS)
        for model in ("sums", "sums", "nope"):
            await client.ask("POST", f"/v2/models/{model}/infer", body, **more)
        from labd.plugins.serving_http.metrics import families

        found = {
            one.name: list(one.samples) for one in families(place.front.tally, place.front.connections())
        }
    counts = {s.labels["status"]: s.value for s in found["labd_serving_http_requests_total"]}
    assert counts == {"200": 2, "404": 1}
    assert found["labd_serving_http_connections"][0].value == 1
    assert found["labd_serving_http_seconds"][-1].value == 3


def test_the_plugin_offers_its_metrics():
    found = labd_metrics(Node("serving-http", config=Settings()))
    assert isinstance(found, Metrics)
    assert next(iter(found.collect())).name == "labd_serving_http_requests_total"


# -- the paths of wkr_serving ----------------------------------------------------------------------


def doubles(request):
    """What a worker with the codec does with a model that doubles."""
    item = items.decode(request.tensors[0].data)
    if item == "bad":
        return ModelFailed("ValueError: bad")
    data = items.encode(item * 2, b"")
    return Answer(request.model, "1", request.id, (Tensor("item", "RAW", (1,), data),))


@pytest.fixture
async def old():
    found = FakeModels()
    found.put(ModelView("wkr", "1", "ready"), doubles)
    async with served(found) as place:
        yield await place.connect()


GOOD = {"error_code": 0, "error_message": "Success."}


async def test_4_a_document_a_text_and_a_form_are_answered_in_the_first_envelope(old):
    assert (await old.ask("POST", "/encode_json", b"[1,2]")).json == {**GOOD, "data": [1, 2, 1, 2]}
    assert (await old.ask("POST", "/encode", b'{"img_url":"ab"}')).json == {**GOOD, "data": "abab"}
    form = {"content_type": "application/x-www-form-urlencoded"}
    assert (await old.ask("POST", "/encode", b"img_url=%61b", **form)).json == {**GOOD, "data": "abab"}


FAILURES = [
    ("/encode", b"{}", 'wrong request parameter, must contain "img_url"'),
    ("/encode", b'{"img_url":"bad"}', "ValueError: bad"),
    ("/encode_json", b"{", "the body is not JSON"),
    ("/encode_img_bytes", b"", 'wrong request parameter, must contain "img_bytes"'),
    (
        "/encode_img_url",
        b'{"img_url":"http://169.254.169.254/"}',
        "labd downloads nothing from 169.254.169.254",
    ),
    (
        "/encode_img_url",
        b'{"img_url":"file:///etc/passwd"}',
        "labd downloads nothing from file:///etc/passwd",
    ),
]


@pytest.mark.parametrize(("path", "body", "text"), FAILURES)
async def test_4_the_first_envelope_is_200_and_has_the_error_inside(old, path, body, text):
    answer = await old.ask("POST", path, body)
    assert (answer.status, answer.json["error_code"], answer.json["data"]) == (200, 1, {})
    assert text in answer.json["error_message"]


async def test_4_the_second_envelope_has_the_status_twice(old):
    answer = await old.ask("POST", "/v1/encode_img_bytes", b"{}")
    assert (answer.status, answer.json["error_code"]) == (400, 400)
    assert answer.json["error_message"] == 'Wrong request parameter, must contain "img_bytes"'
    large = {"content_type": "multipart/form-data; boundary=b"}
    await old.send("POST", "/v1/encode_img_bytes", content_length=str(5 * 2**20 + 1), **large)
    answer = await old.reply()
    assert (answer.status, answer.json["error_message"]) == (
        413,
        "Input file size too large, limit is 5.00MB",
    )


def image_of(size, mode):
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    held = io.BytesIO()
    image.new(mode, size).save(held, "png")
    return held.getvalue()


def looks(request):
    """What a model sees of an image."""
    image = items.decode(request.tensors[0].data)
    data = items.encode({"mode": image.mode, "size": image.size}, b"")
    return Answer(request.model, "1", request.id, (Tensor("item", "RAW", (1,), data),))


@pytest.mark.parametrize(
    ("path", "mode", "message"),
    [("/encode_img_bytes", "L", "Success."), ("/v1/encode_img_bytes", "RGB", "Successful.")],
)
async def test_4_an_image_that_is_sent_reaches_the_model(path, mode, message):
    found = FakeModels()
    found.put(ModelView("wkr", "1", "ready"), looks)
    part = b'content-disposition: form-data; name="img_bytes"; filename="a.png"\r\n\r\n'
    body = b"--b\r\n" + part + image_of((7, 5), "L") + b"\r\n--b--\r\n"
    async with served(found) as place:
        client = await place.connect()
        answer = await client.ask("POST", path, body, content_type="multipart/form-data; boundary=b")
    assert answer.json == {"error_code": 0, "error_message": message, "data": {"mode": mode, "size": [7, 5]}}


NUMBERS_OF_1_5 = set(
    """
    client num_process num_worker_process num_expanded_worker_process server_current_time
    server_start_time main_device_map main_batch_size protocol num_concurrent_socket python_version
    server_version pyzmq_version zmq_version batch_group_timeout batch_size busy_util_threshold cors
    cpu device_map device_to_expand duration_expand duration_squeeze gpu_memory_fraction
    http_concurent_retry_gap http_concurent_retry_num http_max_connect http_port http_stat_dashboard
    log_dir model_dir model_name num_worker num_worker_expanded port port_out tmp_folder verbose
    worker_class statistic statistic_postsink
    """.split()  # noqa: SIM905
)


async def test_3_the_status_tells_flags_of_the_old_command_line_and_no_other_arguments():
    found = FakeModels()
    found.put(ModelView("wkr", "1", "ready"), doubles)
    found.specs["wkr"] = ModelSpec(arguments={"model_dir": "/models", "password": "secret"})
    async with served(found) as place:
        said = (await (await place.connect()).ask("GET", "/status/server")).json
    assert said["model_dir"] == "/models"
    assert "password" not in said


async def test_3_the_status_has_every_name_that_a_dashboard_reads(old):
    await old.ask("POST", "/encode_json", b"1")
    said = (await old.ask("GET", "/status/server")).json
    assert said.keys() >= NUMBERS_OF_1_5
    assert (said["navigator -> worker"], said["worker -> sink"], said["state"]) == ([], "", "ready")
    assert said["statistic"]["num_data_request"] == said["statistic_postsink"]["num_total_seq"] == 1
    assert {"util", "ideal_maxload", "total_job_in_queue", "total_processed_job"} <= said[
        "statistic_postsink"
    ].keys()
    mine = (await old.ask("GET", "/status/client")).json
    assert {"identity", "num_request", "num_pending_request", "pending_request", "timeout"} <= mine.keys()


# -- pages of other sites ------------------------------------------------------------------------

PAGE = "https://app.example.org"
MAY = "access-control-allow-origin"


@pytest.mark.parametrize("cors", [(PAGE,), ("*",)])
async def test_4_a_page_that_may_ask_may_read_the_answer(cors):
    found = FakeModels()
    found.put(ModelView("wkr", "1", "ready"), doubles)
    async with served(found, cors=cors) as place:
        client = await place.connect()
        wants = {"access_control_request_method": "POST", "access_control_request_headers": "content-type"}
        first = await client.ask("OPTIONS", "/encode_json", origin=PAGE, **wants)
        assert (first.status, first.headers[MAY]) == (200, PAGE)
        assert first.headers["access-control-allow-headers"] == "content-type"
        answer = await client.ask("POST", "/encode_json", b"1", origin=PAGE)
        assert (answer.json["data"], answer.headers[MAY], answer.headers["vary"]) == (2, PAGE, "origin")
        refused = await client.ask("POST", "/v2/models/nope/infer", b"{}", origin=PAGE)
        assert (refused.status, refused.headers[MAY]) == (400, PAGE)
        assert MAY not in (await client.ask("POST", "/encode_json", b"1")).headers
        shared = await client.ask("POST", "/v2/systemsharedmemory/region/r/register", b"{}", origin=PAGE)
        assert (shared.status, "not for pages" in shared.error) == (403, True)


async def test_4_any_other_page_may_not(client):
    answer = await client.ask("POST", "/v2/models/sums/infer", b"{}", origin=PAGE)
    assert answer.status == 403
    assert MAY not in answer.headers
    asked = await client.ask("OPTIONS", "/v2", origin=PAGE, access_control_request_method="POST")
    assert (asked.status, MAY in asked.headers) == (405, False)


async def test_4_of_several_models_one_must_be_named():
    async with served(models()) as place:
        answer = await (await place.connect()).ask("POST", "/encode_json", b"1")
        assert "there are 4 models" in answer.json["error_message"]
    async with served(models(), default_model="nope") as place:
        answer = await (await place.connect()).ask("POST", "/encode_json", b"1")
        assert "there is no model 'nope'" in answer.json["error_message"]


def test_a_form_of_several_parts_is_read():
    parts = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n\r\n2\r\n'
    parts += b'--b\r\nContent-Disposition: form-data; name="img_bytes"; filename="x.png"\r\n'
    parts += b"Content-Type: image/png\r\n\r\n\x89PNG\r\n--b--\r\n"
    assert fields('multipart/form-data; boundary="b"', parts) == {"a": b"1\r\n\r\n2", "img_bytes": b"\x89PNG"}
    assert fields("multipart/form-data; boundary=c", parts) == {}
    assert fields("", b"\xff") == fields("", b"[1]") == fields("", b'{"a":1}') == {}


def test_arrays_and_their_numbers_become_json():
    numpy = pytest.importorskip("numpy")
    found = items.encode({"a": numpy.zeros((1, 2), "f4"), "b": numpy.float32(1), "c": {3}, "d": b"e"}, b"")
    assert json.loads(found) == {"a": [[0.0, 0.0]], "b": 1.0, "c": [3], "d": "e"}
    with pytest.raises(TypeError, match="not JSON"):
        items.encode(object(), b"")


# -- the page ---------------------------------------------------------------------------------------


async def test_the_page_is_whole_and_may_load_nothing_else(client):
    answer = await client.ask("GET", "/serving")
    assert answer.status == 200
    assert b"http://" not in answer.body.replace(b"http://www.w3.org/2000/svg", b"")
    assert b"https://" not in answer.body
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert (await client.ask("GET", "/stat")).body == answer.body


async def test_the_numbers_of_the_page_are_there(client):
    found = (await client.ask("GET", "/serving/data")).json
    assert {one["name"] for one in found["models"]} == {"echo", "sums", "two", "down"}
    assert found["connections"] == 1
    assert len(found["statistics"]) == 4


# -- shared memory ----------------------------------------------------------------------------------


@pytest.fixture
def memory(tmp_path):
    (tmp_path / "m").write_bytes(bytes(64))
    return Regions(str(tmp_path), most=2)


def test_a_region_is_read_and_written_within_its_bounds(memory, tmp_path):
    memory.register("r", "/m", 8, 16, None if os.getuid() else Peer(0, 0, 0))
    memory.write(Region("r", 4, 4), b"abcd")
    assert memory.read(Region("r", 0, 16)) == bytes(4) + b"abcd" + bytes(8)
    assert (tmp_path / "m").read_bytes()[12:16] == b"abcd"
    for region in (Region("r", 0, 17), Region("r", 16, 1), Region("r", 2**40, 1)):
        with pytest.raises(Refusal, match="not within the 16 bytes"):
            memory.read(region)


def test_a_region_that_its_owner_cuts_off_is_an_error_and_no_signal(memory, tmp_path):
    memory.register("r", "m", 0, 64, Peer(0, 0, 0))
    os.truncate(tmp_path / "m", 10)
    for use in (lambda: memory.read(Region("r", 0, 64)), lambda: memory.write(Region("r", 0, 64), bytes(64))):
        with pytest.raises(Refusal, match="has become shorter"):
            use()


def test_links_folders_and_what_is_too_short_are_refused(memory, tmp_path):
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for key in ("link", "folder", "pipe"):
        with pytest.raises(Refusal, match="cannot be opened"):
            memory.register("r", key, 0, 1, Peer(0, 0, 0))
    with pytest.raises(Refusal, match="has 64 bytes, not 64 at 1"):
        memory.register("r", "m", 1, 64, Peer(0, 0, 0))
    with pytest.raises(Refusal, match="has no bytes"):
        memory.register("r", "m", 0, 0, Peer(0, 0, 0))


@pytest.mark.parametrize(
    ("mode", "uid", "reads", "writes"),
    [
        (0o600, 4242, False, False),
        (0o604, 4242, True, False),
        (0o606, 4242, True, True),
        (0o600, 0, True, True),
        (0o600, None, False, False),
        (0o644, None, True, False),
    ],
)
def test_a_caller_may_what_the_mode_says_and_no_more(memory, tmp_path, mode, uid, reads, writes):
    if os.getuid():
        pytest.skip("only root can be somebody else")
    os.chmod(tmp_path / "m", mode)
    peer = None if uid is None else Peer(0, uid, uid)
    if not reads:
        with pytest.raises(Refusal, match="Permission denied"):
            memory.register("r", "m", 0, 8, peer)
        return
    memory.register("r", "m", 0, 8, peer)
    if writes:
        memory.write(Region("r", 0, 1), b"x")
    else:
        with pytest.raises(Refusal, match="may not be written"):
            memory.write(Region("r", 0, 1), b"x")


def test_regions_have_a_bound_and_unregistering_twice_is_no_error(memory):
    for name in "ab":
        memory.register(name, "m", 0, 1, Peer(0, 0, 0))
    with pytest.raises(Refusal, match="2 regions are registered"):
        memory.register("c", "m", 0, 1, Peer(0, 0, 0))
    memory.unregister("a")
    memory.unregister("a")
    assert [one["name"] for one in memory.status()] == ["b"]
    memory.clear()
    assert memory.status() == []


# -- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listen", "text"),
    [
        ("0.0.0.0:80", "only with a token_file"),
        ("somewhere:80", "is no IP address"),
        ("127.0.0.1:70000", "no port"),
    ],
)
def test_a_listener_that_cannot_be_is_refused(listen, text):
    with pytest.raises(msgspec.ValidationError, match=text):
        msgspec.convert({"listen": listen}, Settings)


def test_addresses_are_read():
    assert address("[::1]:8500") == ("::1", 8500, True)
    assert address("10.0.0.1:0") == ("10.0.0.1", 0, False)


async def test_a_port_that_is_taken_is_tried_again(autojump_clock, caplog):
    import socket

    from labd.plugins.serving_http.front import Front

    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        front = Front(Node("serving-http", config=Settings(listen=listen)))
        with trio.move_on_after(60):
            await front.run()
    assert len([r for r in caplog.records if "are not served" in r.message]) == 1
