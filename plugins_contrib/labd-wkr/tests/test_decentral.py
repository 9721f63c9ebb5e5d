"""A pool of real processes, its commands, and the scripts that start and stop services."""

import json
import os
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from labd_wkr.launch import wait_ready
from labd_wkr.talk import Talk
from running import command, free_ports, run, running, until
from test_redis import SERVER
from wkr_serving.client.helper import get_redis_connection

pytestmark = pytest.mark.skipif(SERVER is None, reason="redis-server (Debian: redis-server) is not installed")

POOL = """
import os, sys, time
from wkr_serving.client import WKRWorker, WKRDecentralizeCentral
from wkr_serving.client import WKRClient
from wkr_serving.client.helper import RedisHandler

class ProcessingModel(WKRWorker):
    def get_model(self, ip, port, port_out):
        redis_client = RedisHandler("Q", "127.0.0.1", {redis}, password=None)
        client = WKRClient(ip=ip, port=port, port_out=port_out, ignore_all_checks=True, timeout=30000)
        return client, redis_client

    def do_work(self, model, logger):
        model, redis_client = model
        input = redis_client.pop()
        if input is None:
            time.sleep(0.02)
            return
        result = model.encode(input["n"])
        if input["n"] == 13 and not redis_client.client.exists("raised"):
            redis_client.set("raised", 1)
            raise Exception("once")
        if input["n"] == 66 and not redis_client.client.exists("died"):
            redis_client.set("died", 1)
            os._exit(1)
        redis_client.client.sadd("results", result)

    def off_model(self, model):
        model, redis_client = model
        redis_client.client.incr("off")
        model.close()
        redis_client.close()
"""

WORKER = """
from wkr_serving.server import WKRHardWorker
class Worker(WKRHardWorker):
    def predict(self, model, input):
        return [x * 2 for x in input]
"""


class House:
    """Redis, a server, a pool of it."""

    def __init__(self, folder: Path, redis_port: int, server: list[int]) -> None:
        self.folder, self.redis_port, self.server = folder, redis_port, server
        self.port, self.port_out, self.http = free_ports(3)
        self.client = get_redis_connection("127.0.0.1", redis_port)

    def flags(self, *more: str) -> list[str]:
        where = f"[[127.0.0.1, {self.server[0]}, {self.server[1]}]]".split()
        return [
            "decentralize.ProcessingModel", "-port", str(self.port), "-port_out", str(self.port_out),
            "-http_port", str(self.http), "-num_client", "3", "-remote_servers", *where, *more,
        ]  # fmt: skip

    def control(self, verb: str, *more: str) -> "subprocess.CompletedProcess[str]":
        out = ["-port_out", str(self.port_out)] if verb in ("status", "switch") else []
        return run(self.folder, [*command(f"wkr-decentral-{verb}"), "-port", str(self.port), *out, *more])

    def page(self) -> dict[str, object]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/", timeout=20) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("pool")
    [port] = free_ports(1)
    server = free_ports()
    (folder / "decentralize.py").write_text(POOL.replace("{redis}", str(port)))
    (folder / "server.py").write_text(WORKER)
    words = [str(SERVER), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    serve = [
        *command("wkr-serving-start"),
        "server.Worker",
        "-port",
        str(server[0]),
        "-port_out",
        str(server[1]),
    ]
    with running(folder, words), running(folder, serve):
        assert wait_ready("localhost", *server, 60)[0] == "ready", (folder / "out").read_text()
        yield House(folder, port, server)


def test_every_job_of_the_queue_is_done_and_the_commands_control_the_pool(house):
    for number in range(100):
        house.client.rpush("Q", json.dumps({"n": number}))
    with running(house.folder, [*command("wkr-decentral-start"), *house.flags("-log_dir", "logs")]) as pool:
        until(lambda: house.client.scard("results") == 100)
        assert house.client.smembers("results") == {b"%d" % (2 * n) for n in range(100)}
        assert house.client.get("died") == house.client.get("raised") == b"1"
        assert "'number_client_per_server': 3" in house.control("status").stdout
        until(lambda: sum(w["alive"] for w in house.page()["workers"]) == 3)
        assert house.control("switch", "-num_client", "2").stdout.endswith("{'success': True}\n")
        until(lambda: (len(house.page()["workers"]), house.page()["leaving"]) == (2, 0))
        pids = {worker["pid"] for worker in house.page()["workers"]}
        assert house.control("restart").returncode == 0
        until(lambda: not pids & {worker["pid"] for worker in house.page()["workers"]})
        assert house.control("idle").returncode == 0
        until(lambda: house.page() | {"workers": [], "leaving": 0} == house.page())
        with Talk(b"PUSH", "localhost", house.port, 10) as talk:
            for message in (
                [b"SWITCH", b"{"],
                [b"SWITCH", b'{"remote_servers": 5}'],
                [b"?", b""],
                [b"x"],
                [b"SHOW_CONFIG", b""],
            ):
                talk.send(message)
        assert house.control("terminate").stdout == f"shutdown signal sent to {house.port}\n"
        assert pool.wait(30) == 0
    assert (house.folder / "logs").is_dir()
    done = house.control("status", "-timeout", "200")
    assert (done.returncode, "nobody listens" in done.stderr or "no answer" in done.stderr) == (1, True)


def test_a_pool_that_is_killed_leaves_no_process(house):
    with running(house.folder, [*command("wkr-decentral-start"), *house.flags()]) as pool:
        until(lambda: _tries(house.page) and all(worker["ready"] for worker in house.page()["workers"]))
        pids = [worker["pid"] for worker in house.page()["workers"]]
        os.kill(pool.pid, signal.SIGKILL)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def _tries(what):
    try:
        return what()
    except OSError:
        return None


def test_the_original_way_to_ask_is_answered(house):
    zmq = pytest.importorskip("zmq", reason="pyzmq is not installed")
    with running(house.folder, [*command("wkr-decentral-start"), *house.flags()]), zmq.Context() as context:
        until(lambda: _tries(house.page))
        with context.socket(zmq.PUSH) as asking, context.socket(zmq.PULL) as answers:
            answers.setsockopt(zmq.RCVTIMEO, 20_000)
            asking.connect(f"tcp://localhost:{house.port}")
            answers.connect(f"tcp://localhost:{house.port_out}")
            asking.send_multipart([b"SHOW_CONFIG", b""])
            assert json.loads(answers.recv())["remote_servers"] == [["127.0.0.1", *house.server]]


# -- scripts ---------------------------------------------------------------------------------------

SHELLS = [shell for shell in ("sh", "bash") if shutil.which(shell)]


def made(folder: Path, name: str, words: list[str]) -> str:
    done = run(folder, [*command(name), *words])
    assert done.returncode == 0, done.stderr
    (folder / "run_script.sh").write_text(done.stdout)
    for shell in SHELLS:
        assert run(folder, [shell, "-n", "run_script.sh"]).stderr == ""
    return done.stdout


def script(folder: Path, verb: str) -> tuple[int, str]:
    done = run(folder, ["sh", "run_script.sh", verb])
    return done.returncode, done.stdout + done.stderr


def test_the_script_of_a_server(tmp_path):
    folder = tmp_path / "a place"
    folder.mkdir()
    (folder / "server.py").write_text(WORKER)
    ports = free_ports()
    made(folder, "wkr-serving-make", ["server.Worker", "-port_in", str(ports[0]), "-port_out", str(ports[1]),
                                      "-device_map", "-1", "-name", "IT'S \"MINE\""])  # fmt: skip
    assert script(folder, "stop")[1].endswith("Ok: it does not run\n")
    try:
        assert script(folder, "start") == (0, 'Starting IT\'S "MINE"...'.ljust(50) + "Ok\n")
        [pidfile] = folder.glob("*.pid")
        first = pidfile.read_text()
        code, said = script(folder, "start")
        assert (code, "runs already" in said) == (1, True)
        assert script(folder, "status") == (0, "ready \n")
        assert script(folder, "restart")[0] == 0
        assert pidfile.read_text() != first
        assert script(folder, "stop")[0] == 0
        assert list(folder.glob("*.pid")) == []
        assert script(folder, "status")[0] == 1
        assert script(folder, "start")[0] == 0
        assert script(folder, "stopf")[1].endswith("Ok\n")
        until(lambda: _refused(ports[0]))
        assert script(folder, "stopf")[1].endswith("pidfile not found\n")
        assert script(folder, "dance")[0] == 1
    finally:
        script(folder, "stopf")


def _refused(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


def test_the_script_of_a_server_that_does_not_come_up(tmp_path):
    (tmp_path / "server.py").write_text("raise RuntimeError('no weights here')\n")
    ports = free_ports()
    made(tmp_path, "wkr-serving-make", ["server.Worker", "-port", str(ports[0]), "-port_out", str(ports[1])])
    try:
        code, said = script(tmp_path, "start")
        assert (code, "no weights here" in said) == (1, True)
    finally:
        script(tmp_path, "stopf")


def test_the_script_does_not_take_a_stranger_for_its_server(tmp_path):
    """Somebody else has the ports, and answers: that is no success of ours."""
    folders = [tmp_path / "first", tmp_path / "second"]
    ports = free_ports()
    for folder in folders:
        folder.mkdir()
        (folder / "server.py").write_text(WORKER)
        made(
            folder, "wkr-serving-make", ["server.Worker", "-port", str(ports[0]), "-port_out", str(ports[1])]
        )
    first, second = folders
    try:
        assert script(first, "start")[0] == 0
        code, said = script(second, "start")
        assert (code, f"another server has the ports {ports[0]} and {ports[1]}" in said) == (1, True)
        assert script(first, "status") == (0, "ready \n")
    finally:
        script(second, "stopf")
        script(first, "stopf")


def test_the_script_of_a_pool(house):
    made(house.folder, "wkr-decentral-make", house.flags("-name", "POOL"))
    try:
        assert script(house.folder, "start") == (0, "Starting POOL...".ljust(50) + "Ok\n")
        assert '"number_client_per_server": 3' in script(house.folder, "status")[1]
        assert script(house.folder, "stop")[0] == 0
    finally:
        script(house.folder, "stopf")
