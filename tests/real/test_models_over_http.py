"""Models of a real daemon, asked over its fast listener and over its own server."""

import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.daemon_process import PATIENCE, DaemonProcess
from tests.support import wait_until

pytestmark = pytest.mark.real

HERE = str(Path(__file__).parent)
INFER = "/v2/models/double/infer"
SETTINGS = """
[plugins.serving-http]
listen = "127.0.0.1:{port}"
role = "operate"
[plugins.serving.models.double]
target = "served:Double"
path = ["{here}"]
arguments = {{ pause = {pause} }}
workers = {workers}
{user}
"""


class Place:
    """A daemon with a model, and ways to ask it."""

    def __init__(self, daemon: DaemonProcess, port: int) -> None:
        self.daemon, self.port = daemon, port

    def ask(
        self, method: str, path: str, body: bytes = b"", port: int = 0, **fields: str
    ) -> tuple[int, bytes]:
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=PATIENCE)) as client:
            client.request(method, path, body, named)
            answer = client.getresponse()
            return answer.status, answer.read()

    def ready(self) -> bool:
        try:
            return self.ask("GET", "/v2/models/double/ready")[0] == 200
        except OSError:
            return False

    def numbers(self) -> dict[str, Any]:
        (found,) = json.loads(self.ask("GET", "/v2/models/double/stats")[1])["model_stats"]
        return dict(found["labd"])


def document(*numbers: int) -> bytes:
    x = {"name": "x", "datatype": "INT64", "shape": [len(numbers), 1], "data": list(numbers)}
    return json.dumps({"inputs": [x]}).encode()


def numbers_of(body: bytes) -> list[int]:
    return list(json.loads(body)["outputs"][0]["data"])


@pytest.fixture
def serve(make_daemon: Callable[..., DaemonProcess]) -> Iterator[Callable[..., Place]]:
    pytest.importorskip("numpy")

    def make(*options: str, workers: int = 1, pause: float = 0.0) -> Place:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        daemon = make_daemon(*options)
        user = "" if os.getuid() else 'user = "root"'
        text = SETTINGS.format(port=port, here=HERE, pause=pause, workers=workers, user=user)
        daemon.config.write_text(text)
        place = Place(daemon.start(), port)
        wait_until(place.ready, PATIENCE)
        return place

    return make


def test_a_model_is_asked_over_both_servers_and_counted(serve):
    place = serve("http.enabled=true", "http.port=0")
    assert numbers_of(place.ask("POST", INFER, document(1, 2))[1]) == [2, 4]
    raw = place.ask("POST", INFER, struct.pack("<2q", 5, 6), inference_header_content_length="0")
    assert struct.unpack("<2q", raw[1][-16:]) == (10, 12)
    url = wait_until(lambda: place.daemon.call("http.show")["urls"], PATIENCE)[0]
    own, token = int(url.rsplit(":", 1)[1]), place.daemon.call("http.token")["token"]
    assert place.ask("POST", INFER, document(3), port=own)[0] == 401
    key = {"authorization": f"Bearer {token}", "port": own}
    assert numbers_of(place.ask("POST", INFER, document(3), **key)[1]) == [6]
    metrics = place.ask("GET", "/metrics", **key)[1].decode()
    line = 'labd_serving_http_requests_total{method="POST",route="/v2/models/{model}/infer",status="200"} 2'
    assert line in metrics
    assert place.numbers()["succeeded"] == 3


def test_what_is_unloaded_is_503_and_what_is_loaded_again_answers(serve):
    place = serve()
    assert place.ask("POST", "/v2/repository/models/double/unload")[0] == 200
    status, body = place.ask("POST", INFER, document(1))
    assert (status, "double" in json.loads(body)["error"]) == (503, True)
    assert place.ask("POST", "/v2/repository/models/double/load")[0] == 200
    assert numbers_of(place.ask("POST", INFER, document(1))[1]) == [2]


def test_13_a_client_that_leaves_while_queued_never_reaches_predict(serve):
    place = serve(pause=0.5)
    rows = place.numbers()["rows"]
    request = b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b"
    ask = request % (INFER.encode(), len(document(1)), document(1))
    with socket.create_connection(("127.0.0.1", place.port)) as first:
        first.sendall(ask)
        wait_until(lambda: place.numbers()["in_flight"] == 1, PATIENCE)
        with socket.create_connection(("127.0.0.1", place.port)) as second:
            second.sendall(ask * 3)
            wait_until(lambda: place.numbers()["queued"] == 3, PATIENCE)
        wait_until(lambda: place.numbers()["cancelled"] == 3, PATIENCE)
        first.settimeout(PATIENCE)
        assert first.recv(65_536).startswith(b"HTTP/1.1 200")
    assert place.numbers()["rows"] == rows + 1


def test_a_deadline_is_504_while_the_worker_is_busy(serve):
    place = serve(pause=0.6)
    thread = threading.Thread(target=place.ask, args=("POST", INFER, document(1)))
    thread.start()
    wait_until(lambda: place.numbers()["in_flight"] == 1, PATIENCE)
    status, body = place.ask("POST", INFER, document(2), labd_timeout="0.05")
    assert (status, "0.05 s" in json.loads(body)["error"]) == (504, True)
    thread.join()


def test_workers_are_killed_under_load_and_each_request_has_its_own_answer(serve):
    place = serve(workers=2)
    wrong: list[object] = []

    def client(number: int) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", place.port, timeout=PATIENCE)) as own:
            for n in range(60):
                value = number * 1000 + n
                own.request("POST", INFER, document(value))
                answer = own.getresponse()
                body = answer.read()
                if answer.status == 200 and numbers_of(body) != [2 * value]:
                    wrong.append((value, body))
                elif answer.status not in (200, 500, 503):
                    wrong.append((value, answer.status, body))

    threads = [threading.Thread(target=client, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        for worker in place.numbers()["workers"]:
            if worker["pid"]:
                try:
                    os.kill(worker["pid"], signal.SIGKILL)
                except ProcessLookupError:
                    pass  # it has been replaced meanwhile
        wait_until(place.ready, PATIENCE)
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_is_in_work_hears_of_it_when_labd_stops(serve):
    place = serve(pause=0.5)
    with socket.create_connection(("127.0.0.1", place.port)) as client:
        body = document(21)
        client.sendall(
            b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b"
            % (INFER.encode(), len(body), body)
        )
        wait_until(lambda: place.numbers()["in_flight"] == 1, PATIENCE)
        place.daemon.kill(signal.SIGTERM)
        client.settimeout(PATIENCE)
        answer = client.recv(65_536)
    assert answer[9:12] in (b"200", b"503")
    assert b"connection: close" in answer


def stopped_under(place: Place, count: int) -> list[int]:
    """The statuses that *count* clients hear, who all wait when labd is told to stop."""
    statuses: list[int] = []

    def client(number: int) -> None:
        statuses.append(place.ask("POST", INFER, document(number))[0])

    threads = [threading.Thread(target=client, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    wait_until(lambda: place.numbers()["in_flight"] + place.numbers()["queued"] == count, PATIENCE)
    place.daemon.kill(signal.SIGTERM)
    for thread in threads:
        thread.join()
    return statuses


def test_6_all_that_wait_are_answered_before_labd_stops(serve):
    place = serve("plugins.serving.drain_timeout=60", "plugins.serving-http.drain_timeout=60", pause=0.7)
    assert stopped_under(place, 40) == [200] * 40
    assert place.daemon.process.wait(PATIENCE) == 0


def test_6_past_the_time_to_drain_each_hears_503(serve):
    place = serve("plugins.serving.drain_timeout=0.5", pause=2.0)
    statuses = stopped_under(place, 40)
    assert len(statuses) == 40
    assert set(statuses) <= {200, 503}
    assert statuses.count(503) >= 8


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the package chromium")
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_page_draws_in_a_browser_and_its_policy_is_kept(serve, tmp_path, mode):
    place = serve()
    for n in range(20):
        place.ask("POST", INFER, document(n))
    dark = ["--blink-settings=preferredColorScheme=0"] if mode == "dark" else []
    command = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}/chrome",
        *dark,
        "--window-size=1200,900",
        "--virtual-time-budget=7000",
        "--enable-logging=stderr",
        "--v=0",
        "--dump-dom",
        f"http://127.0.0.1:{place.port}/serving",
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert "<h2>double</h2>" in done.stdout
    assert 'aria-label="Latency"' in done.stdout
    assert "<td>CPU</td>" in done.stdout  # its worker
    assert "Content Security Policy" not in done.stderr
    assert "Uncaught" not in done.stderr
