"""Models over HTTP side by side: labd, mosec, LitServe; whoever is not installed is left out.

    [PEERS_PYTHON=python] python -m bench.serving [--rounds 3] [--seconds 3] [--only labd,mosec]

All serve the same perceptron (784 -> 256 -> 10) from two worker processes, in batches of at most 16 that may
wait 5 ms (labd waits only while both are busy). `small` is 784 float32; `large` is 224x224x3 float32, given
whole to the model, which uses the first 784. The load is another process with one epoll: each client sends
its next request when it has the answer. Rounds go through all servers in turn, so that what else the machine
does meets all of them. Printed are medians of rounds, and ratios to mosec of the same round, with labd's
metrics, deadlines, cancellation and limits on.
"""

import argparse
import base64
import json
import os
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

SIZES = {"small": 784, "large": 224 * 224 * 3}
BATCH, WAIT, WORKERS = 16, 0.005, 2


class Point(NamedTuple):
    """What one round said: requests a second, milliseconds, and microseconds of the server's CPU for each."""

    rate: float
    p50: float
    p99: float
    cpu: float


# -- the model -------------------------------------------------------------------------------------


def weights() -> list[Any]:
    import numpy

    random = numpy.random.default_rng(7)
    shapes = [(784, 256), (256,), (256, 10), (10,)]
    return [(random.standard_normal(shape) / 16).astype("f4") for shape in shapes]


class Perceptron:
    """The model of every server: rows of float32 in, ten numbers for each out."""

    inputs = {"x": ("FP32", [-1, -1])}  # noqa: RUF012
    outputs = {"y": ("FP32", [-1, 10])}  # noqa: RUF012

    def __init__(self) -> None:
        self._weights = weights()

    def warm_up(self) -> None:
        import numpy

        self.predict(numpy.zeros((1, 784), "f4"))

    def predict(self, x: Any) -> Any:
        import numpy

        w0, b0, w1, b1 = self._weights
        return numpy.maximum(x[:, :784] @ w0 + b0, 0) @ w1 + b1


# -- the load --------------------------------------------------------------------------------------


def request(name: str, size: int) -> bytes:
    """One request as *name* wants it."""
    data = bytes(range(256)) * (size * 4 // 256 + 1)
    data = data[: size * 4]
    path, fields = "/inference", ["Content-Type: application/octet-stream"]
    if name == "litserve":
        path = "/predict"
    if name.startswith("labd"):
        head = json.dumps(
            {
                "parameters": {"binary_data_output": True, "timeout": 10_000_000},
                "inputs": [
                    {
                        "name": "x",
                        "shape": [1, size],
                        "datatype": "FP32",
                        "parameters": {"binary_data_size": len(data)},
                    }
                ],
            }
        ).encode()
        path = "/v2/models/perceptron/infer"
        fields.append(f"Inference-Header-Content-Length: {len(head)}")
        data = head + data
    elif name == "litserve":
        fields = ["Content-Type: application/json"]
        data = json.dumps({"x": base64.b64encode(data).decode()}).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", *fields, f"Content-Length: {len(data)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


class Client:
    """One connection with one request in the air."""

    def __init__(self, port: int, ask: bytes) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self._ask, self._left, self._inbox = memoryview(ask), memoryview(ask), b""
        self.asked = 0.0

    def send(self) -> bool:
        """Send what the socket takes; whether all has left."""
        if len(self._left) == len(self._ask):
            self.asked = time.perf_counter()
        try:
            self._left = self._left[self.sock.send(self._left) :]
        except BlockingIOError:
            pass
        return not self._left

    def receive(self) -> bool:
        """Take what came; whether the answer is whole. Raises for any but a good one."""
        data = self.sock.recv(65_536)
        if not data:
            raise ConnectionError(f"the server hung up: {self._inbox[:300]!r}")
        self._inbox += data
        head, found, body = self._inbox.partition(b"\r\n\r\n")
        if not found:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(f"the server said {self._inbox[:300]!r}")
        length = next(int(x[15:]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:"))
        if len(body) < length:
            return False
        self._inbox, self._left = b"", self._ask
        return True


def load(port: int, name: str, size: int, count: int, seconds: float) -> dict[str, Any]:
    """Let *count* clients ask for a while, after a second to warm up."""
    ask = request(name, size)
    poll, clients = select.epoll(), dict[int, Client]()
    for _ in range(count):
        client = Client(port, ask)
        clients[client.sock.fileno()] = client
        poll.register(client.sock, select.EPOLLIN if client.send() else select.EPOLLIN | select.EPOLLOUT)
    taken: list[float] = []
    begin = time.perf_counter() + min(1.0, seconds)
    now, end = 0.0, begin + seconds
    while now < end:
        for number, events in poll.poll(1.0):
            client = clients[number]
            if events & select.EPOLLIN and client.receive():
                now = time.perf_counter()
                if now >= begin:
                    taken.append(now - client.asked)
                if not client.send():
                    poll.modify(number, select.EPOLLIN | select.EPOLLOUT)
            elif events & select.EPOLLOUT and client.send():
                poll.modify(number, select.EPOLLIN)
        now = time.perf_counter()
    for client in clients.values():
        client.sock.close()
    parts = statistics.quantiles(taken, n=100)
    return {"count": len(taken), "p50": parts[49] * 1000, "p99": parts[98] * 1000, "seconds": seconds}


# -- the servers -----------------------------------------------------------------------------------

LABD = """
[daemon]
state_dir = "{folder}/state"
runtime_dir = "{folder}/run"
[plugins.serving-http]
listen = "127.0.0.1:{port}"
[plugins.serving.models.perceptron]
target = "bench.serving:Perceptron"
path = ["{here}"]
workers = {workers}
max_batch_size = {batch}
user = "{user}"
env = {{ OPENBLAS_NUM_THREADS = "1", OMP_NUM_THREADS = "1" }}
"""


def labd(port: int, folder: str) -> list[str]:
    config = Path(folder, "labd.toml")
    here, user = Path(__file__).parent.parent, "" if os.getuid() else "root"
    config.write_text(
        LABD.format(folder=folder, port=port, here=here, workers=WORKERS, batch=BATCH, user=user)
    )
    return [str(Path(sys.executable).parent / "labd"), "--config", str(config)]


PEERS = os.environ.get("PEERS_PYTHON", sys.executable)
"""The interpreter that has the peers, which may need other packages than labd does."""


def alone(program: str, batch: int = BATCH) -> Any:
    path = str(Path(__file__).parent / "peers" / f"{program}_server.py")
    wait = int(WAIT * 1000) if batch > 1 else 0
    return lambda port, folder: [PEERS, path, *map(str, (port, batch, WORKERS, wait))]


SERVERS: dict[str, Any] = {
    "labd": labd,
    "mosec": alone("mosec"),
    "mosec-b1": alone("mosec", 1),
    "litserve": alone("litserve"),
}
NEEDS = {"mosec": "mosec", "mosec-b1": "mosec", "litserve": "litserve"}


# -- the comparison --------------------------------------------------------------------------------


class Running:
    """A server in a process group of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self._folder = tempfile.TemporaryDirectory(prefix="labd-bench-")
        command = SERVERS[name](self.port, self._folder.name)
        env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        env["PYTHONPATH"] = str(Path(__file__).parent.parent)
        self._log = open(Path(self._folder.name, "log"), "wb")  # noqa: SIM115
        self._process = subprocess.Popen(
            command, start_new_session=True, stdout=self._log, stderr=self._log, env=env
        )

    def wait_ready(self) -> None:
        """Until a request is answered. Raises TimeoutError."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                client = Client(self.port, request(self.name, SIZES["small"]))
                client.sock.setblocking(True)
                client.sock.settimeout(5)
                client.send()
                while not client.receive():
                    pass
                client.sock.close()
                return
            except OSError:
                time.sleep(0.2)
        log = Path(self._folder.name, "log").read_text()[-2000:]
        raise TimeoutError(f"{self.name} did not answer within 60 s:\n{log}")

    def cpu(self) -> float:
        """Seconds of CPU of all its processes so far."""
        import psutil

        total = 0.0
        try:
            own = psutil.Process(self._process.pid)
            for one in (own, *own.children(recursive=True)):
                times = one.cpu_times()
                total += times.user + times.system
        except psutil.NoSuchProcess:
            pass
        return total

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._log.close()
        self._folder.cleanup()


def measured(server: Running, payload: str, clients: int, seconds: float) -> Point:
    before = server.cpu()
    words = [str(server.port), server.name, str(SIZES[payload]), str(clients), str(seconds)]
    command = [sys.executable, "-m", "bench.serving", "load", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=seconds + 60)
    found = json.loads(done.stdout)
    share = seconds / (seconds + min(1.0, seconds))
    cpu = (server.cpu() - before) * share / max(found["count"], 1) * 1e6
    return Point(found["count"] / found["seconds"], found["p50"], found["p99"], cpu)


def compare(names: list[str], payloads: list[str], counts: list[int], rounds: int, seconds: float) -> None:
    found: dict[tuple[str, str, int], list[Point]] = {}
    for turn in range(rounds):
        for name in names:
            server = Running(name)
            try:
                server.wait_ready()
                for payload in payloads:
                    for count in counts:
                        point = measured(server, payload, count, seconds)
                        found.setdefault((name, payload, count), []).append(point)
            finally:
                server.stop()
            print(f"round {turn + 1} of {rounds}: {name}", file=sys.stderr)
    show(found, names, payloads, counts)


def show(found: dict[Any, list[Point]], names: list[str], payloads: list[str], counts: list[int]) -> None:
    print(f"load before: {os.getloadavg()[0]:.1f}; cores: {os.cpu_count()}; medians of rounds")
    print(
        f"{'server':10} {'payload':8} {'clients':>7} {'req/s':>9} {'of mosec':>9} {'p50 ms':>8} "
        f"{'p99 ms':>8} {'CPU us':>7}"
    )
    for payload in payloads:
        for count in counts:
            for name in names:
                points = found[name, payload, count]
                rate, p50, p99, cpu = (statistics.median(column) for column in zip(*points, strict=True))
                base = found.get(("mosec", payload, count), ())
                ratios = [one.rate / other.rate for one, other in zip(points, base, strict=False)]
                ratio = f"{statistics.median(ratios):.2f}" if ratios else "-"
                print(
                    f"{name:10} {payload:8} {count:7} {rate:9.0f} {ratio:>9} {p50:8.2f} {p99:8.2f} {cpu:7.0f}"
                )


def has(package: str) -> bool:
    """Whether the peers' interpreter can import *package*."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    return subprocess.run([PEERS, "-c", code], check=False).returncode == 0


def main() -> None:
    if sys.argv[1:2] == ["load"]:
        port, name, size, count, seconds = sys.argv[2:]
        print(json.dumps(load(int(port), name, int(size), int(count), float(seconds))))
        return
    parser = argparse.ArgumentParser(
        prog="python -m bench.serving", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--only", default=",".join(SERVERS))
    parser.add_argument("--clients", default="1,8,64")
    parser.add_argument("--payloads", default="small,large")
    asked = parser.parse_args()
    names = [name for name in asked.only.split(",") if name in SERVERS]
    for name in [name for name in names if name in NEEDS and not has(NEEDS[name])]:
        print(f"{name} is left out: pip install {NEEDS[name]}", file=sys.stderr)
        names.remove(name)
    counts = [int(one) for one in asked.clients.split(",")]
    compare(names, asked.payloads.split(","), counts, asked.rounds, asked.seconds)


if __name__ == "__main__":
    main()
