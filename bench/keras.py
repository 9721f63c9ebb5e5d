"""A Keras model on TensorFlow: labd's throughput beside a bare loop that calls it with full batches.

    python -m bench.keras [--model mobilenet|digits] [--rounds 5] [--seconds 5] [--clients 64] [--threads 1]

`mobilenet` is MobileNetV2 for images of 96x96, as Keras has it; `digits` the convolutional model of Keras'
introduction to MNIST, which takes a tenth of a millisecond for an image: there the front is measured, too.
The loop is what nobody can beat: one process with the same threads that calls the compiled model with the
same 16 images again and again. labd has one worker and as many clients over HTTP as are asked for, each with
one image at a time. Rounds take turns, so what else the machine does meets both. Printed are medians, and of
the ratios of rounds.
"""

import argparse
import json
import math
import os
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from bench.serving import Client

BATCH = 16
SHAPES = {"mobilenet": (96, 96, 3), "digits": (28, 28, 1)}
INFER = "/v2/models/keras/infer"

LABD = """
[daemon]
state_dir = "{folder}/state"
runtime_dir = "{folder}/run"
[plugins.serving-http]
listen = "127.0.0.1:{port}"
[plugins.serving.models.keras]
loader = "tensorflow"
arguments = {{ file = "{folder}/model.keras" }}
max_batch_size = {batch}
user = "{user}"
load_timeout = 300
env = {{ TF_NUM_INTRAOP_THREADS = "{threads}", TF_NUM_INTEROP_THREADS = "1" }}
"""


def make(name: str, path: str) -> None:
    """Write the model *name* to *path*; run in a process of its own, as it loads TensorFlow."""
    import tensorflow

    keras = tensorflow.keras
    model = (
        keras.applications.MobileNetV2(SHAPES[name], weights=None) if name == "mobilenet" else digits(keras)
    )
    model.save(path)


def digits(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential([
        keras.Input(SHAPES["digits"]),
        layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.Flatten(), layers.Dropout(0.5), layers.Dense(10, activation="softmax"),
    ])  # fmt: skip


def loop(name: str, path: str, seconds: float) -> float:
    """Images a second of the bare loop."""
    import numpy
    import tensorflow

    model = tensorflow.keras.models.load_model(path, compile=False)
    graph = tensorflow.function(lambda x: model(x, training=False))
    images = numpy.zeros((BATCH, *SHAPES[name]), "f4")
    count, begin = 0, time.perf_counter() + min(1.0, seconds)
    while (now := time.perf_counter()) < begin + seconds:
        graph(tensorflow.convert_to_tensor(images)).numpy()
        count += now >= begin
    return count * BATCH / seconds


def asking(name: str, port: int) -> bytes:
    """A request of one image, with the name that the model has for its input."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/models/keras", timeout=30) as answer:
        taken = json.load(answer)["inputs"][0]["name"]
    shape = [1, *SHAPES[name]]
    size = math.prod(shape) * 4
    tensor = {"name": taken, "shape": shape, "datatype": "FP32", "parameters": {"binary_data_size": size}}
    head = json.dumps({"parameters": {"binary_data_output": True}, "inputs": [tensor]}).encode()
    lines = [f"POST {INFER} HTTP/1.1", "Host: localhost", f"Inference-Header-Content-Length: {len(head)}",
             f"Content-Length: {len(head) + size}"]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + head + bytes(size)


def served(name: str, port: int, clients: int, seconds: float) -> float:
    """Images a second that *clients* are answered, after a second to warm up."""
    ask = asking(name, port)
    poll, open_ = select.epoll(), dict[int, Client]()
    for _ in range(clients):
        client = Client(port, ask)
        open_[client.sock.fileno()] = client
        poll.register(client.sock, select.EPOLLIN if client.send() else select.EPOLLIN | select.EPOLLOUT)
    count, begin = 0, time.perf_counter() + min(1.0, seconds)
    while (now := time.perf_counter()) < begin + seconds:
        for number, events in poll.poll(1.0):
            client = open_[number]
            if events & select.EPOLLIN and client.receive():
                count += now >= begin
                if not client.send():
                    poll.modify(number, select.EPOLLIN | select.EPOLLOUT)
            elif events & select.EPOLLOUT and client.send():
                poll.modify(number, select.EPOLLIN)
    for client in open_.values():
        client.sock.close()
    return count / seconds


class Running:
    """labd with the model in *folder*."""

    def __init__(self, folder: str, threads: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        user = "" if os.getuid() else "root"
        text = LABD.format(folder=folder, port=self.port, batch=BATCH, user=user, threads=threads)
        Path(folder, "labd.toml").write_text(text)
        self._log = open(Path(folder, "log"), "wb")  # noqa: SIM115
        words = [str(Path(sys.executable).parent / "labd"), "--config", f"{folder}/labd.toml"]
        self._process = subprocess.Popen(words, stdout=self._log, stderr=self._log)
        self._wait_ready(folder)

    def _wait_ready(self, folder: str) -> None:
        end = time.monotonic() + 300
        while time.monotonic() < end:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as sock:
                    sock.sendall(b"GET /v2/models/keras/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    if sock.recv(100).startswith(b"HTTP/1.1 200"):
                        return
            except OSError:
                pass
            time.sleep(0.2)
        raise TimeoutError(f"labd did not have the model within 300 s; see {folder}/log")

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        self._log.close()


def part(*words: object, threads: int) -> str:
    """What a part of this program says, in a process of its own."""
    env = {**os.environ, "TF_NUM_INTRAOP_THREADS": str(threads), "TF_NUM_INTEROP_THREADS": "1",
           "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}  # fmt: skip
    command = [sys.executable, "-m", "bench.keras", *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, env=env, check=True, timeout=600)
    return done.stdout.decode().split()[-1] if done.stdout else ""


def compare(name: str, rounds: int, seconds: float, clients: int, threads: int) -> None:
    with tempfile.TemporaryDirectory(prefix="labd-bench-") as folder:
        path = f"{folder}/model.keras"
        part("make", name, path, threads=threads)
        running = Running(folder, threads)
        bare, ours = [], []
        try:
            for turn in range(rounds):
                bare.append(float(part("loop", name, path, seconds, threads=threads)))
                ours.append(float(part("load", name, running.port, clients, seconds, threads=threads)))
                print(f"round {turn + 1} of {rounds}: {ours[-1] / bare[-1]:.2f}", file=sys.stderr)
        finally:
            running.stop()
    ratio = statistics.median(one / other for one, other in zip(ours, bare, strict=True))
    print(f"{name}; load: {os.getloadavg()[0]:.1f}; cores: {os.cpu_count()}; medians of {rounds} rounds")
    print(f"bare loop, batches of {BATCH}: {statistics.median(bare):.0f} images/s")
    print(f"labd, {clients} clients:        {statistics.median(ours):.0f} images/s, {ratio:.2f} of the loop")


def main() -> None:
    if sys.argv[1:2] == ["make"]:
        make(sys.argv[2], sys.argv[3])
    elif sys.argv[1:2] == ["loop"]:
        print(loop(sys.argv[2], sys.argv[3], float(sys.argv[4])))
    elif sys.argv[1:2] == ["load"]:
        print(served(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))
    else:
        parser = argparse.ArgumentParser(prog="python -m bench.keras")
        parser.add_argument("--model", choices=SHAPES, default="mobilenet")
        parser.add_argument("--rounds", type=int, default=5)
        parser.add_argument("--seconds", type=float, default=5.0)
        parser.add_argument("--clients", type=int, default=64)
        parser.add_argument("--threads", type=int, default=1)
        args = parser.parse_args()
        compare(args.model, args.rounds, args.seconds, args.clients, args.threads)


if __name__ == "__main__":
    main()
