"""The front on a real port of this machine, with models that are functions of the test's."""

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
import trio

from labd.api import Answer, Inference, ModelView, Tensor, TensorSpec
from labd.plugins.serving_http.front import Front
from labd.plugins.serving_http.settings import Settings
from labd.testing import FakeModels, Node

FLOATS = (TensorSpec("x", "FP32", (-1, 4)),)
SUMS = (TensorSpec("y", "FP32", (-1, 1)),)


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def error(self) -> str:
        said = self.json["error"]
        return said if isinstance(said, str) else said["message"]


def sums(request: Inference) -> Answer:
    """The sum of each row of the first tensor."""
    x = request.tensors[0]
    values = struct.unpack(f"<{len(x.data) // 4}f", x.data)
    width = x.shape[-1]
    rows = [sum(values[at : at + width]) for at in range(0, len(values), width)]
    y = Tensor("y", "FP32", (len(rows), 1), struct.pack(f"<{len(rows)}f", *rows))
    return Answer(request.model, request.version or "1", request.id, (y,))


def models() -> FakeModels:
    """``sums`` adds, ``echo`` gives back what it gets, ``down`` is loading, ``two`` has two inputs."""
    made = FakeModels("echo")
    made.put(ModelView("sums", "1", "ready", inputs=FLOATS, outputs=SUMS, workers=1, ready_workers=1), sums)
    made.put(ModelView("down", "1", "loading", "weights are being read"))
    two = (*FLOATS, TensorSpec("z", "INT64", (-1,)))
    made.put(ModelView("two", "1", "ready", inputs=two, outputs=SUMS), sums)
    return made


class Client:
    """One connection."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.inbox = b""

    async def ask(self, method: str, path: str, body: bytes = b"", **fields: str) -> Reply:
        await self.send(method, path, body, **fields)
        return await self.reply(method)

    async def send(self, method: str, path: str, body: bytes = b"", **fields: str) -> None:
        await self.stream.send_all(raw(method, path, body, **fields))

    async def reply(self, method: str = "GET") -> Reply:
        head = await self._until(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in rest)
        size = int(headers.get("content-length", "0")) if method != "HEAD" else 0
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while chunk := int(await self._until(b"\r\n"), 16):
                body += (await self._take(chunk + 2))[:-2]
            await self._until(b"\r\n")
        else:
            body = await self._take(size)
        return Reply(int(first.split()[1]), headers, body)

    async def ended(self) -> bool:
        """Whether the server hangs up, with nothing more to say."""
        return not self.inbox and not await self.stream.receive_some(1)

    async def _until(self, mark: bytes) -> bytes:
        while mark not in self.inbox:
            await self._more()
        head, _, self.inbox = self.inbox.partition(mark)
        return head

    async def _take(self, size: int) -> bytes:
        while len(self.inbox) < size:
            await self._more()
        taken, self.inbox = self.inbox[:size], self.inbox[size:]
        return taken

    async def _more(self) -> None:
        data = await self.stream.receive_some(65_536)
        assert data, f"the server hung up after {self.inbox!r}"
        self.inbox += bytes(data)


def raw(method: str, path: str, body: bytes = b"", **fields: str) -> bytes:
    """A request as bytes; ``_`` of a field's name stands for ``-``."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"{method} {path} HTTP/1.1", "host: localhost", *(f"{n}: {v}" for n, v in named.items())]
    lines += [f"content-length: {len(body)}"] if body and "content-length" not in named else []
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Served(NamedTuple):
    front: Front
    models: FakeModels
    port: int
    opened: list[trio.SocketStream]

    async def connect(self) -> Client:
        self.opened.append(await trio.open_tcp_stream("127.0.0.1", self.port))
        return Client(self.opened[-1])


@asynccontextmanager
async def served(found: FakeModels | None = None, **settings: Any) -> AsyncIterator[Served]:
    """The plugin's own listener on a free port."""
    found = found or models()
    node = Node("serving-http", config=Settings(listen="127.0.0.1:0", **settings))
    front = Front(node)
    with node.serving.serve(found):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(front.run)
            with trio.fail_after(5):
                while front.reactor is None:
                    await trio.lowlevel.checkpoint()
            place = Served(front, found, front.port, [])
            yield place
            for stream in place.opened:
                await stream.aclose()
            nursery.cancel_scope.cancel()


# -- requests of the protocol --------------------------------------------------------------------

NUMBERS = struct.pack("<4f", 1, 2, 3, 4)


def head(**changes: Any) -> dict[str, Any]:
    """The head of a request for ``sums`` with one binary tensor."""
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "parameters": {"binary_data_size": 16}}
    return {"inputs": [{**tensor, **changes}]}


def binary(document: Any, *tensors: bytes) -> tuple[bytes, dict[str, str]]:
    """A body with binary tensors, and the field that says where they begin."""
    text = msgspec.json.encode(document)
    return b"".join((text, *tensors)), {"inference_header_content_length": str(len(text))}
