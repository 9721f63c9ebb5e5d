"""The perceptron of bench/serving.py on mosec: port, batch, workers, the wait in milliseconds."""

import sys
from typing import Any

import mosec
import numpy

from bench.serving import Perceptron


class Served(mosec.Worker):
    def __init__(self) -> None:
        super().__init__()
        self.model = Perceptron()

    def deserialize(self, data: bytes) -> Any:
        return numpy.frombuffer(data, "f4")

    def serialize(self, data: Any) -> bytes:
        return data.tobytes()

    def forward(self, data: Any) -> Any:
        if isinstance(data, list):
            return list(self.model.predict(numpy.stack(data)))
        return self.model.predict(data[None])[0]


if __name__ == "__main__":
    port, batch, workers, wait = sys.argv[1:]
    sys.argv = ["mosec", "--port", port, "--address", "127.0.0.1", "--log-level", "error"]
    server = mosec.Server()
    server.append_worker(Served, num=int(workers), max_batch_size=int(batch), max_wait_time=int(wait))
    server.run()
