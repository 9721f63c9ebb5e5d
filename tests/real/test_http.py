"""The web server of a real daemon: real sockets, real clients, a real clock."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.daemon_process import PATIENCE, DaemonProcess
from tests.support import wait_until

pytestmark = pytest.mark.real

VIEWER = "a-token-of-the-tests-view"


class Site:
    """A daemon that answers over HTTP, and ways to ask it."""

    def __init__(self, daemon: DaemonProcess) -> None:
        self.daemon = daemon
        self.opened = list[socket.socket]()
        self.url = wait_until(self._url, PATIENCE)
        self.port = int(self.url.rsplit(":", 1)[1])
        self.token = daemon.call("http.token")["token"]

    def _url(self) -> str:
        urls = self.daemon.call("http.show")["urls"]
        return str(urls[0]) if urls else ""

    def ask(self, method: str, path: str, body: bytes = b"", token: str | None = None) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as client:
            client.request(method, path, body, headers)
            answer = client.getresponse()
            return answer.status, answer.read()

    def call(self, method: str, **params: Any) -> Any:
        status, body = self.ask("POST", f"/rpc/{method}", json.dumps(params).encode())
        assert status == 200, body
        return json.loads(body)

    def connect(self) -> socket.socket:
        self.opened.append(socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE))
        return self.opened[-1]


@pytest.fixture
def serve(make_daemon: Callable[..., DaemonProcess]) -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(*options: str) -> Site:
        daemon = make_daemon("http.enabled=true", "http.port=0", *options)
        daemon.config.write_text(f'[http.tokens.viewer]\ntoken = "{VIEWER}"\nrole = "view"\n')
        daemon.config.chmod(0o600)
        made.append(Site(daemon.start()))
        return made[-1]

    yield make
    for client in [client for site in made for client in site.opened]:
        client.close()


def test_a_job_over_http(serve):
    site = serve()
    job = site.call("job.submit", spec={"argv": ["/bin/sh", "-c", "echo hello"]})["job"]["id"]
    assert site.call("job.wait", jobs=[job], timeout=30)["jobs"][0]["state"] == "succeeded"
    assert site.call("job.log", job=job)["data"] == "aGVsbG8K"
    status, body = site.ask("GET", "/metrics")
    assert status == 200
    assert b'labd_jobs{state="succeeded"} 1\n' in body
    assert b"labd_job_run_seconds_count 1\n" in body


def test_who_may_what(serve):
    site = serve()
    assert site.ask("GET", "/healthz", token="")[0] == 200
    assert site.ask("GET", "/metrics", token="")[0] == 401
    assert site.ask("GET", "/metrics", token="wrong")[0] == 401
    assert site.ask("GET", "/metrics", token=VIEWER)[0] == 200
    assert site.ask("POST", "/rpc/job.submit", b'{"spec": {"argv": ["true"]}}', token=VIEWER)[0] == 403
    assert site.ask("POST", "/rpc/http.token", token=VIEWER)[0] == 403


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs the package curl")
def test_curl_asks_in_its_own_ways(serve, tmp_path):
    socket_path = f"{tmp_path}/h.sock"
    site = serve(f"http.socket={socket_path}") if len(socket_path) < 100 else serve()
    key = ["-H", f"Authorization: Bearer {site.token}"]

    def curl(*words: str) -> str:
        done = subprocess.run(
            ["curl", "-sS", "--max-time", "60", *words], capture_output=True, text=True, check=True
        )
        return done.stdout

    large = tmp_path / "large"
    large.write_text(json.dumps({"spec": {"script": "#" + "x" * 200_000 + "\ntrue\n"}}))
    submit = [*key, "-H", "Content-Type: application/json", "--data-binary", f"@{large}"]
    submit.append(f"{site.url}/rpc/job.submit")
    assert '"created":true' in curl("-H", "Expect: 100-continue", *submit)
    assert '"created":true' in curl("-H", "Transfer-Encoding: chunked", *submit)
    assert "HTTP/1.1 200 OK" in curl(*key, "-I", f"{site.url}/metrics")
    assert '"ready":true' in curl(*key, "-0", f"{site.url}/readyz")
    assert '"ready":true' in curl(*key, "--http2", f"{site.url}/readyz")
    if len(socket_path) < 100:
        assert '"ready":true' in curl("--unix-socket", socket_path, "http://anything/readyz")


def test_httpx_asks_too(serve):
    httpx = pytest.importorskip("httpx")
    site = serve()
    with httpx.Client(base_url=site.url, headers={"Authorization": f"Bearer {site.token}"}) as client:
        for _ in range(3):
            assert client.get("/readyz").json() == {"ready": True, "reasons": []}
        with client.stream("GET", "/events", params={"since": 0}) as events:
            assert any("daemon.started" in line for line in events.iter_lines())


def test_events_arrive(serve):
    site = serve()
    with closing(site.connect()) as client:
        client.sendall(
            f"GET /events?since=0&topics=job.* HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {site.token}\r\n\r\n".encode()
        )
        job = site.daemon.submit("true")
        got = b""
        while b"job.succeeded" not in got:
            got += (piece := client.recv(65_536))
            assert piece
    assert f'"job":{job},'.encode() in got


def test_500_clients_at_once(serve):
    site = serve("http.max_connections=600")
    clients = [site.connect() for _ in range(500)]
    ask = f"GET /readyz HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.token}\r\n\r\n".encode()
    for _ in range(2):
        for client in clients:
            client.sendall(ask)
        for client in clients:
            got = b""
            while not got.endswith(b"}"):
                got += (piece := client.recv(4096))
                assert piece
            assert got.startswith(b"HTTP/1.1 200 ")
    for client in clients:
        client.close()
    assert site.ask("GET", "/healthz")[0] == 200


def test_more_than_enough_clients_are_told_so_and_leave_room(serve):
    site = serve("http.max_connections=10")
    clients = [site.connect() for _ in range(10)]
    wait_until(lambda: b"labd_http_connections 10" in _metrics(site, clients[0]), PATIENCE)
    with closing(site.connect()) as late:
        assert late.recv(4096).startswith(b"HTTP/1.1 503 ")
    for client in clients:
        client.close()
    wait_until(lambda: _free(site), PATIENCE)


def _metrics(site: Site, client: socket.socket) -> bytes:
    ask = f"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.token}\r\n\r\n"
    client.sendall(ask.encode())
    got = b""
    while b"process_threads" not in got.split(b"# TYPE")[-1] or not got.endswith(b"\n"):
        got += client.recv(65_536)
    return got


def _free(site: Site) -> bool:
    return site.ask("GET", "/healthz")[0] == 200


def test_slow_clients_are_shown_out_and_hold_up_nobody(serve):
    site = serve("http.head_timeout=1s")
    slow = [site.connect() for _ in range(50)]
    for client in slow:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: local")
    began = time.monotonic()
    assert site.ask("GET", "/healthz")[0] == 200
    assert time.monotonic() - began < 5
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.2):
            for client in slow:
                try:
                    client.sendall(b"h")
                except OSError:
                    pass  # it was shown out, which is what is wanted

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        assert all(client.recv(4096).startswith(b"HTTP/1.1 408 ") for client in slow)
    finally:
        stop.set()
        thread.join()


def test_nonsense_harms_nobody(serve):
    site = serve()
    for data in (
        os.urandom(5000),
        b"\x16\x03\x01" * 100,
        b"\0" * 100_000,
        b"GET " + b"a" * 100_000,
        b"\r\n" * 9,
    ):
        with closing(site.connect()) as client:
            try:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65_536):
                    pass
            except OSError:
                pass  # hung up on
    assert site.ask("GET", "/healthz")[0] == 200


@pytest.mark.parametrize("line", [b"a" * 2**20, b"x: y\r\n" * 2**18], ids=["one line", "many lines"])
def test_a_head_of_a_gigabyte_is_refused_and_not_kept(serve, line):
    site = serve()
    before, sent = site.daemon.rss(), 0
    with closing(site.connect()) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
        try:
            while sent < 2**30:
                sent += client.send(line)
            answer = client.recv(4096)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""  # it hung up while we were talking; what it said went with that
    assert sent < 2**26
    assert answer[:12] in (b"", b"HTTP/1.1 431", b"HTTP/1.1 400")
    assert site.daemon.rss() - before < 16 * 2**20
    assert site.ask("GET", "/healthz")[0] == 200


def test_a_client_that_leaves_ends_its_call(serve):
    site = serve()
    job = site.daemon.submit("sleep", "600")
    body = json.dumps({"jobs": [job]}).encode()
    with closing(site.connect()) as client:
        client.sendall(
            f"POST /rpc/job.wait HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        for _ in range(2):  # one loop: what came before these is in work when they are answered
            assert site.ask("GET", "/healthz")[0] == 200
    gone = b'labd_rpc_requests_total{method="job.wait",code="cancelled"} 1\n'
    wait_until(lambda: gone in site.ask("GET", "/metrics")[1], PATIENCE)


def test_what_is_in_work_ends_well_when_labd_stops(serve):
    site = serve("http.drain_timeout=30s")
    job = site.daemon.submit("sleep", "2")
    body = json.dumps({"jobs": [job]}).encode()
    with closing(site.connect()) as client, closing(site.connect()) as idle:
        client.sendall(
            f"POST /rpc/job.wait HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        site.daemon.until_state(job, "running")
        assert site.daemon.process is not None
        site.daemon.process.send_signal(signal.SIGTERM)
        assert idle.recv(1) == b""
        answer = b""
        while piece := client.recv(65_536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"HTTP/1.1 200 OK" in head
    assert b"connection: close" in head
    assert json.loads(body)["jobs"][0]["state"] == "succeeded"
    assert site.daemon.process.wait(PATIENCE) == 0


def test_a_drain_has_an_end(serve):
    site = serve("http.drain_timeout=500ms")
    job = site.daemon.submit("sleep", "600")
    body = json.dumps({"jobs": [job]}).encode()
    with closing(site.connect()) as client:
        client.sendall(
            f"POST /rpc/job.wait HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        site.daemon.until_state(job, "running")
        began = time.monotonic()
        assert site.daemon.kill(signal.SIGTERM) == 0
        assert time.monotonic() - began < 10


def test_a_reload_takes_up_tokens_and_limits(serve):
    site = serve()
    config = site.daemon.config
    config.write_text('[http]\nmax_body = 10\n[http.tokens.new]\ntoken = "another-token-of-the-tests"\n')
    site.daemon.call("daemon.reload")
    assert site.ask("GET", "/metrics", token=VIEWER)[0] == 401
    assert site.ask("GET", "/metrics", token="another-token-of-the-tests")[0] == 200
    assert site.ask("POST", "/rpc/daemon.status", b"{" + b" " * 20 + b"}")[0] == 413


def test_a_port_that_is_taken_is_said_and_tried_again(make_daemon):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        daemon = make_daemon("http.enabled=true", f"http.port={port}").start()
        wait_until(lambda: daemon.call("http.show")["problem"], PATIENCE)
        assert "Address already in use" in daemon.call("daemon.status")["trouble"][0]
        checks = {check["name"]: check for check in daemon.call("daemon.doctor")["checks"]}
        assert checks["http"]["state"] == "warn"
    assert wait_until(lambda: daemon.call("http.show")["urls"], PATIENCE)


def test_beyond_loopback_only_with_a_token(make_daemon):
    daemon = make_daemon("http.enabled=true", "http.port=0", "http.address=0.0.0.0")
    assert daemon.spawn().wait(PATIENCE) == 9
    assert "only with a token in [http.tokens]" in daemon.log()


def test_labctl_shows_where(serve, daemon):
    site = serve()
    assert site.daemon.labctl("http", "url").stdout == f"{site.url}\n"
    assert site.daemon.labctl("http", "token").stdout == f"{site.token}\n"
    off = daemon.labctl("http", "url")
    assert (off.returncode, off.stdout) == (6, "")
    assert "http.enabled = true" in off.stderr
    assert "http.enabled" in daemon.labctl("http").stderr


PLUGIN = """
from labd.api import Mount, Response, Role, Route, hookimpl

async def greet(request):
    return Response.text(f"hello {request.params['name']}, says {request.peer.name}")

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})

@hookimpl
def labd_http_routes(node):
    return [
        Route(method="GET", path="/greet/{name}", handler=greet, doc="Say hello."),
        Mount(prefix="/pages", app=app, role=Role.NONE),
    ]
"""


def test_a_plugin_has_pages(serve, tmp_path, make_daemon):
    Path(tmp_path, "greeter.py").write_text(PLUGIN)
    info = Path(tmp_path, "greeter-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: greeter\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[labd.plugins]\ngreeter = greeter\n")
    daemon = make_daemon("http.enabled=true", "http.port=0")
    daemon.env["PYTHONPATH"] = f"{tmp_path}:{os.getcwd()}"
    site = Site(daemon.start())
    assert site.ask("GET", "/greet/you")[1].startswith(b"hello you, says ")
    assert site.ask("GET", "/greet/you", token="")[0] == 401
    assert site.ask("GET", "/pages/a", token="")[1] == b"/pages/a"
    assert b'"/greet/{name}"' in site.ask("GET", "/openapi.json")[1]
