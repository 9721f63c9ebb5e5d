"""The paths of wkr_serving, with its envelopes.

Its first envelope is always 200 and has the error inside, since its clients look nowhere else; the second
has the status twice.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec

from labd.api import (
    BadInput,
    Inference,
    LabdError,
    ModelFailed,
    Models,
    ModelView,
    NotFound,
    Request,
    Response,
    Role,
    Route,
    Tensor,
)
from labd.http.refusal import status_of
from labd.plugins.serving_http import wkr_status
from labd.plugins.serving_http.desk import explained
from labd.plugins.serving_http.fetch import fetch
from labd.plugins.serving_http.forms import fields

CODEC = "labd.plugins.serving_http.items"
IMAGE = 5 * 2**20
FIELD = 'wrong request parameter, must contain "{}"'
TYPES = "Wrong input file type, only accept jpg or png image"

Handler = Callable[[Request], Awaitable[Response]]


class Missing(BadInput):
    """A field of the form is not there."""


class Wkr:
    """The handlers. *model* is who is asked; empty: the only one that there is."""

    def __init__(
        self, models: Callable[[], Models], model: str, hosts: tuple[str, ...], max_body: int
    ) -> None:
        self._models, self._model, self._hosts, self._max_body = models, model, hosts, max_body
        self._began = datetime.now()

    def routes(self) -> list[Route]:
        table: list[tuple[str, Handler, int, str]] = [
            ("/encode", self.encode, self._max_body, "As wkr_serving: a text."),
            ("/encode_json", self.encode_json, self._max_body, "As wkr_serving: any document."),
            ("/encode_img_bytes", self.encode_image, self._max_body, "As wkr_serving: an image."),
            ("/v1/encode_img_bytes", self.encode_rgb, IMAGE, "As wkr_serving: an image, made RGB."),
            ("/encode_img_url", self.encode_url, self._max_body, "As wkr_serving: an image elsewhere."),
        ]
        looks: list[tuple[str, Handler, str]] = [
            ("/status/server", self.server, "As wkr_serving: the model in numbers."),
            ("/status/client", self.client, "As wkr_serving: its own client, which is nobody now."),
        ]
        asked = [
            Route(method="POST", path=path, handler=handler, role=Role.SUBMIT, doc=doc, max_body=limit)
            for path, handler, limit, doc in table
        ]
        return [
            *asked,
            *(Route(method="GET", path=p, handler=h, role=Role.VIEW, doc=doc) for p, h, doc in looks),
        ]

    async def server(self, request: Request) -> Response:
        view = self._which()
        found = [one for one in self._models().statistics(view.name) if one.version == view.version]
        flags = self._models().spec(view.name, view.version).arguments
        return Response.json(wkr_status.server(view, flags, found, self._began))

    async def client(self, request: Request) -> Response:
        """There is no client between: what it had to say is that nothing waits in it."""
        view = self._which()
        found = self._models().statistics(view.name)
        waiting = sum(one.queued + one.in_flight for one in found)
        return Response.json({
            "client_version": wkr_status.VERSION, "identity": list(b"http"), "server_ip": "localhost",
            "num_request": sum(one.requests for one in found), "num_pending_request": waiting,
            "pending_request": [], "port": 0, "port_out": 0, "timeout": 0,
        })  # fmt: skip

    async def encode(self, request: Request) -> Response:
        async def item() -> bytes:
            given = await _field(request, "img_url")
            return b"j" + msgspec.json.encode(given.decode("utf-8", "replace"))

        return await self._always_200(request, item)

    async def encode_json(self, request: Request) -> Response:
        async def item() -> bytes:
            return b"j" + _document(await request.body())

        return await self._always_200(request, item)

    async def encode_image(self, request: Request) -> Response:
        async def item() -> bytes:
            return b"i" + await _field(request, "img_bytes")

        return await self._always_200(request, item)

    async def encode_url(self, request: Request) -> Response:
        async def item() -> bytes:
            url = await _field(request, "img_url")
            return b"r" + await fetch(url.decode("utf-8", "replace"), self._hosts)

        return await self._always_200(request, item)

    async def encode_rgb(self, request: Request) -> Response:
        try:
            data = await _field(request, "img_bytes")
            return _envelope(200, 0, "Successful.", await self._ask(request, b"r" + data))
        except Missing:
            return _envelope(400, 400, FIELD.format("img_bytes").capitalize(), {})
        except LabdError as error:
            return _second(error)

    async def _always_200(self, request: Request, item: Callable[[], Awaitable[bytes]]) -> Response:
        try:
            return _envelope(200, 0, "Success.", await self._ask(request, await item()))
        except Missing as error:
            return _envelope(200, 1, error.message, {})
        except LabdError as error:
            return _envelope(200, 1, explained(error), {})

    async def _ask(self, request: Request, item: bytes) -> msgspec.Raw:
        tensor = Tensor("item", "RAW", (1,), item)
        wanted = Inference(self._which().name, (tensor,), codec=CODEC, client=request.peer.name)
        answer = await self._models().infer(wanted)
        return msgspec.Raw(bytes(answer.tensors[0].data))

    def _which(self) -> ModelView:
        if self._model:
            return self._models().metadata(self._model)
        names = {view.name: view for view in self._models().list() if view.state != "unloaded"}
        if len(names) != 1:
            raise NotFound(
                f"there are {len(names)} models, and none is said to be asked here",
                hint="plugins.serving-http.default_model names one",
            )
        return next(iter(names.values()))


def _envelope(status: int, code: int, message: str, data: Any) -> Response:
    return Response.json({"error_code": code, "error_message": message, "data": data}, status)


def _second(error: LabdError) -> Response:
    status = status_of(error)
    if status == 413:
        return _envelope(413, 413, "Input file size too large, limit is 5.00MB", {})
    if isinstance(error, ModelFailed | BadInput) and TYPES in error.message:
        return _envelope(400, 400, TYPES, {})
    if status == 500:
        return _envelope(500, 500, "Internal server error", {})
    return _envelope(status, status, explained(error), {})


async def _field(request: Request, name: str) -> bytes:
    kind = request.headers.get(b"content-type", b"").decode("latin-1")
    found = fields(kind, await request.body()).get(name)
    if found is None:
        raise Missing(FIELD.format(name))
    return found


def _document(body: bytes) -> bytes:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"the body is not JSON: {error}") from None
    return body
