"""The perceptron of bench/serving.py on LitServe: port, batch, workers, the wait in milliseconds."""

import base64
import sys
from typing import Any

import litserve
import numpy

from bench.serving import Perceptron


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = Perceptron()

    def decode_request(self, request: Any) -> Any:
        return numpy.frombuffer(base64.b64decode(request["x"]), "f4")

    def batch(self, inputs: Any) -> Any:
        return numpy.stack(inputs)

    def predict(self, x: Any) -> Any:
        return self.model.predict(x)

    def encode_response(self, output: Any) -> Any:
        return {"y": output.tolist()}


if __name__ == "__main__":
    port, batch, workers, wait = map(int, sys.argv[1:])
    api = Api(max_batch_size=batch, batch_timeout=wait / 1000)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=workers)
    server.run(port=port, host="127.0.0.1", generate_client_file=False, log_level="error")
