"""Worker classes as people wrote them, served by the command, asked by clients as they are."""

import json
import os
import pickle
import signal
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from labd_wkr.launch import wait_ready
from running import command, free_ports, run, running, until
from wkr_serving.client import ConcurrentWKRClient, WKRClient

WORKER = """
import time
from wkr_serving.server import WKRServer, WKRHardWorker
from wkr_serving.server.helper import get_args_parser, import_tf
import beside

class Worker(WKRHardWorker):
    def get_env(self, device_id, tmp_dir):
        import numpy as np
        logger = self.new_logger()
        return [np, logger]

    def get_model(self, envs, model_dir, model_name, tmp_dir):
        np, logger = envs
        logger.info("Begin load model")
        return (lambda x: x * beside.FACTOR), logger

    def predict(self, model, input):
        model, logger = model
        start = time.time()
        if any(isinstance(x, str) and x == "die" for x in input):
            import os
            os._exit(3)
        if any(isinstance(x, str) and x == "hang" for x in input):
            time.sleep(1)
        result = [model(x) for x in input]
        logger.info("DONE input: {}".format(len(input)))
        self.record_statistic({"predict": (time.time() - start) * 1000 / len(input), "batchsize": len(input)})
        return result

class Arrays(WKRHardWorker):
    def get_preprocess(self, envs):
        return lambda batch: batch.astype("f8")

    def predict(self, model, input):
        assert input.ndim > 1
        return input.sum(axis=tuple(range(1, input.ndim)))

class Broken(WKRHardWorker):
    def get_model(self, envs, model_dir, model_name, tmp_dir):
        return no_such_name

class Short(WKRHardWorker):
    def predict(self, model, input):
        return input[1:]

class Texts(WKRHardWorker):
    def predict(self, model, input):
        import numpy
        return [numpy.array([[len(text)] for text in texts], "f4") for texts in input]
"""

START = [
    "-model_dir",
    "models",
    "-model_name",
    "model.hdf5",
    "-device_map",
    "-1",
    "-gpu_memory_fraction",
    "0.25",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wkr")
    (folder / "server.py").write_text(WORKER)
    (folder / "beside.py").write_text("FACTOR = 2\n")
    return folder


class Server:
    def __init__(self, folder: Path, port: int, port_out: int) -> None:
        self.folder, self.port, self.port_out = folder, port, port_out

    def client(self, **options: object) -> WKRClient:
        options = {"timeout": 30_000, **options}
        return WKRClient(ip="0.0.0.0", port=self.port, port_out=self.port_out, **options)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    ports = free_ports()
    flags = [*START, "-port_in", str(ports[0]), "-port_out", str(ports[1]), "-num_worker", "2"]
    flags += ["-batch_size", "4", "-log_dir", str(folder / "logs")]
    with running(folder, [*command("wkr-serving-start"), "server.Worker", *flags]):
        assert wait_ready("localhost", *ports, 60)[0] == "ready", (folder / "out").read_text()
        yield Server(folder, *ports)


def test_the_client_of_the_readme(server):
    client = WKRClient(ip="0.0.0.0", port=server.port, port_out=server.port_out, check_version=False)
    np.testing.assert_array_equal(client.encode(np.ones((5, 5))), np.full((5, 5), 2.0))
    client.close()


def test_the_client_that_checks_everything(server, capsys):
    with server.client(check_length=True, show_server_config=True) as client:
        assert client.encode("ab") == "abab"
        assert client.length_limit is None
    assert "num_worker" in capsys.readouterr().out


def test_many_answers_come_in_the_order_of_their_requests(server):
    with server.client() as client:
        for number in range(12):
            client.encode(number, blocking=False)
        assert client.fetch_all() == [2 * number for number in range(12)]
        assert client.fetch_all() is None
        assert sorted(r.embedding for r in client.encode_async(iter(range(5)))) == [0, 2, 4, 6, 8]


def test_one_that_fails_does_not_harm_its_neighbours(server):
    with server.client() as client:
        for item in (1, {}, 3):
            client.encode(item, blocking=False)
        with pytest.warns(UserWarning, match="unsupported operand"):
            assert client.fetch_all() == [2, None, 6]
        with pytest.raises(Exception, match=r"Traceback[\s\S]*unsupported operand"):
            client.encode({})


def test_a_worker_that_dies_fails_its_item_only(server):
    with server.client() as client:
        for item in ("a", "die", "b"):
            client.encode(item, blocking=False)
        with pytest.warns(UserWarning, match="Request with id"):
            assert client.fetch_all() == ["aa", None, "bb"]


def test_a_pool_for_threads(server):
    with ConcurrentWKRClient(
        4, port=server.port, port_out=server.port_out, ip="localhost", retry=100
    ) as clients:
        found = {}
        threads = [
            threading.Thread(target=lambda n=n: found.update({n: clients.encode(data=n)})) for n in range(12)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join(30)
        assert found == {n: 2 * n for n in range(12)}
        assert clients.server_status["num_worker"] == 2


def test_what_the_model_records_is_in_the_status(server):
    with server.client() as client:
        client.encode(1)
        status = client.server_status
    assert status["statistic_postsink"]["others"]["batchsize"]["avg_stat"] >= 1
    assert (status["num_worker"], status["batch_size"], status["main_device_map"]) == (2, 4, [-1, -1])


def test_logs_are_where_they_were(server):
    with server.client() as client:
        client.encode(1)
    [path] = (server.folder / "logs").glob("WKRServer_*.log")
    assert "Begin load model" in path.read_text()


class Once:
    def __reduce__(self):
        return os.system, ("touch bombed",)


def test_a_bomb_does_nothing_and_is_named(server):
    with server.client() as client:
        with pytest.raises(Exception, match=r"names posix\.system"):
            client.encode(Once())
        assert client.encode(2) == 4
    assert not list(server.folder.rglob("bombed"))


@pytest.mark.parametrize(
    ("data", "info", "words"),
    [
        (b"", b"{}", "neither protocol nor dtype"),
        (b"", b"[", "no JSON"),
        (b"", b"7.5", "neither protocol"),
        (b"x", b'{"protocol":2,"compress":1}', "cut off|incorrect header"),
        (zlib.compress(bytes(300 * 2**20)), b'{"protocol":2,"compress":1}', "over 268435456 bytes"),
        (b"1234", b'{"dtype":"float32","shape":[2]}', "reshape"),
        (b"1234", b'{"dtype":"float32","shape":[-1]}', "no list of lengths"),
        (b"1234", b'{"dtype":"object","shape":[1]}', "cannot travel"),
        (b"1234", b'{"dtype":["f4"],"shape":[1]}', "cannot travel"),
        (b"1234", b'{"dtype":"no","shape":[1]}', "not understood"),
        (b"123", b'{"dtype":"float32","shape":[1]}', "multiple of element size"),
        (b"", b'{"dtype":"float32","shape":[4294967296,4294967296]}', "reshape|too big|large"),
        (b"\x80\x02.", b'{"protocol":2,"compress":0}', "stack underflow"),
    ],
)
def test_what_is_wrong_is_answered_and_nobody_else_is_harmed(server, data, info, words):
    with server.client(ignore_all_checks=True) as client, server.client() as other:
        number = client._send(data, info)
        answer = client._receive(number)
        assert answer.error_code == 1
        assert __import__("re").search(words, answer.error_message), answer.error_message
        assert other.encode(1) == 2


def test_pickles_go_both_ways_in_every_protocol(server):
    with server.client() as client:
        for protocol in range(6):
            number = client._send(pickle.dumps(np.arange(3), protocol), b'{"protocol":-1,"compress":0}')
            _, _, data, info = client._connected()[1].receive(30)
            assert json.loads(info)["compress"] == 0
            assert b"_core" not in data
            assert int(number) == client.request_id
            np.testing.assert_array_equal(pickle.loads(data), np.arange(3) * 2)


def test_compressed_pickles_are_read(server):
    with server.client() as client:
        number = client._send(zlib.compress(pickle.dumps("a")), b'{"protocol":2,"compress":1}')
        assert client._receive(number).embedding == "aa"


# ruff: noqa: SIM117 - a server, and then a client of it


@pytest.mark.filterwarnings("ignore:server does not put a restriction")
def test_the_unmodified_client_of_the_ancestor(folder):
    ports = free_ports()
    bert = pytest.importorskip("bert_serving.client", reason="bert-serving-client is not installed")
    flags = ["-port", str(ports[0]), "-port_out", str(ports[1])]
    with running(folder, [*command("wkr-serving-start"), "server.Texts", *flags]):
        with bert.BertClient(port=ports[0], port_out=ports[1], timeout=60_000) as client:
            np.testing.assert_array_equal(client.encode(["a", "bcd"]), [[1], [3]])


# -- the original client, where it is --------------------------------------------------------------

ORIGINAL = os.environ.get("WKR_ORIGINAL", "")


@pytest.mark.skipif(not ORIGINAL, reason="WKR_ORIGINAL does not say where the original client is")
def test_the_original_client_unmodified_with_its_defaults(server, folder):
    program = f"""
import sys
sys.path.insert(0, {ORIGINAL!r})
from wkr_serving.client import WKRClient
import wkr_serving.client
assert wkr_serving.client.__file__.startswith({ORIGINAL!r})
client = WKRClient(port={server.port}, port_out={server.port_out}, check_length=True)
assert client.encode("a") == "aa"
assert client.encode([1]) == [1, 1]
for n in range(5):
    client.encode(n, blocking=False)
assert client.fetch_all() == [0, 2, 4, 6, 8]
try:
    client.encode({{}})
except Exception as error:
    assert "unsupported operand" in str(error)
else:
    raise SystemExit("no error")
client.close()
print("well")
"""
    python = os.environ.get("WKR_ORIGINAL_PYTHON", __import__("sys").executable)
    done = run(folder, [python, "-c", program])
    assert done.stdout == "well\n", done.stderr


# -- other servers ---------------------------------------------------------------------------------


def test_arrays_of_any_shape_by_the_protocol_npy(folder):
    ports = free_ports()
    flags = [
        *START,
        "-port",
        str(ports[0]),
        "-port_out",
        str(ports[1]),
        "-batch_size",
        "8",
        "-protocol",
        "npy",
    ]
    with running(folder, [*command("wkr-serving-start"), "server.Arrays", *flags]):
        with WKRClient(port=ports[0], port_out=ports[1], protocol="numpy", timeout=60_000) as client:
            assert client.encode(np.ones((2, 3), "f4")) == 6
            for shape in [(2,), (3,), (2,), (2, 2), (3,)]:
                client.encode(np.ones(shape, "u1"), blocking=False)
            assert [float(one) for one in client.fetch_all()] == [2, 3, 2, 4, 3]


def test_a_model_that_does_not_load_says_so_and_the_server_stops(folder):
    ports = free_ports()
    flags = ["-port", str(ports[0]), "-port_out", str(ports[1])]
    with running(folder, [*command("wkr-serving-start"), "server.Broken", *flags]) as process:
        state, reason = wait_ready("localhost", *ports, 60)
        assert (state, "no_such_name" in reason) == ("failed", True)
        with WKRClient(port=ports[0], port_out=ports[1], timeout=30_000) as client:
            with pytest.raises(Exception, match="no_such_name"):
                client.encode(1)
        assert run(folder, [*command("wkr-serving-terminate"), "-port", str(ports[0])]).returncode == 0
        assert process.wait(30) == 0


def test_a_server_that_stops_answers_what_is_in_work(folder):
    ports = free_ports()
    flags = ["-port", str(ports[0]), "-port_out", str(ports[1]), "-batch_size", "2"]
    with running(folder, [*command("wkr-serving-start"), "server.Worker", *flags]) as process:
        with WKRClient(port=ports[0], port_out=ports[1], timeout=60_000) as client:
            client.encode("hang", blocking=False)
            for number in range(100):
                client.encode(number, blocking=False)
            until(lambda: client.server_status["statistic"]["num_data_request"] == 101)
            process.send_signal(signal.SIGTERM)
            found = client.fetch_all()
        assert found == ["hanghang", *(2 * number for number in range(100))]
        assert process.wait(30) == 0


def test_a_program_that_is_its_own_server(folder):
    ports = free_ports()
    (folder / "own.py").write_text(f"""
from wkr_serving.server import WKRServer
from wkr_serving.server.helper import get_args_parser
from wkr_serving.client import WKRClient
from server import Short
if __name__ == "__main__":
    args = get_args_parser().parse_args(["-port", "{ports[0]}", "-port_out", "{ports[1]}"])
    with WKRServer(args, hardprocesser=Short):
        with WKRClient(port={ports[0]}, port_out={ports[1]}) as client:
            try:
                client.encode(1)
            except Exception as error:
                print(str(error).strip().splitlines()[-2])
""")
    done = run(folder, [__import__("sys").executable, "own.py"])
    assert "predict gave 0 answers for a batch of 1" in done.stdout, done.stderr


@pytest.mark.parametrize("words", [[], ["nodots"], ["server.Worker"], ["a.b", "-port", "x"]])
def test_a_wrong_command_line_says_what_is_missing(folder, words):
    done = run(folder, [*command("wkr-serving-start"), *words])
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "class first" in done.stderr or "-port" in done.stderr
