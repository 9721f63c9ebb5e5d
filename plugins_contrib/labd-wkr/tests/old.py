"""A client as the original is: the same sockets, in the same order, with the same words."""

import json
import pickle
import uuid
from typing import Any

import zmq


class OldClient:
    """PUSH and SUB of libzmq. The subscription is on its way when the first request is."""

    def __init__(
        self, port: int, port_out: int, identity: bytes | None = None, timeout: int = 20_000
    ) -> None:
        self.identity = identity or str(uuid.uuid4()).encode("ascii")
        self.context = zmq.Context()
        self.sender, self.receiver = self.context.socket(zmq.PUSH), self.context.socket(zmq.SUB)
        for each in (self.sender, self.receiver):
            each.setsockopt(zmq.LINGER, 0)
        self.receiver.setsockopt(zmq.RCVTIMEO, timeout)
        self.sender.connect(f"tcp://localhost:{port}")
        self.receiver.setsockopt(zmq.SUBSCRIBE, self.identity)
        self.receiver.connect(f"tcp://localhost:{port_out}")
        self.number = 0

    def send(self, data: bytes, info: Any) -> int:
        self.number += 1
        self.sender.send_multipart([self.identity, b"%d" % self.number, data, json.dumps(info).encode()])
        return self.number

    def receive(self) -> list[bytes]:
        return self.receiver.recv_multipart()

    def encode(self, value: Any) -> Any:
        self.send(pickle.dumps(value, -1), {"protocol": -1, "compress": 0})
        _, _, data, info = self.receive()
        if info == b"EXCEPTION":
            raise Exception(data.decode())
        return pickle.loads(data)

    def status(self) -> dict[str, Any]:
        self.send(b"SHOW_CONFIG", "{}")
        return pickle.loads(self.receive()[2])

    def close(self) -> None:
        self.sender.close()
        self.receiver.close()
        self.context.term()

    def __enter__(self) -> "OldClient":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
