"""The paths of the Open Inference Protocol, v2, with Triton's extensions."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import msgspec
import trio

from labd.api import (
    Answer,
    LabdError,
    ModelSpec,
    ModelStatistics,
    ModelView,
    NotPermitted,
    Request,
    Response,
    Role,
    Route,
)
from labd.plugins.serving_http.desk import Desk, Said, explained, refused, where
from labd.plugins.serving_http.oip.refusals import bad
from labd.plugins.serving_http.oip.request import Asked

EXTENSIONS = (
    "binary_tensor_data", "model_repository", "parameters", "schedule_policy", "statistics",
    "system_shared_memory",
)  # fmt: skip
STATES = {
    "ready": "READY", "loading": "LOADING", "unloading": "UNLOADING", "failed": "UNAVAILABLE",
    "unloaded": "UNAVAILABLE",
}  # fmt: skip

Handler = Callable[[Request], Awaitable[Response]]


class _Index(msgspec.Struct, frozen=True):
    ready: bool = False


class _Load(msgspec.Struct, frozen=True):
    parameters: dict[str, Any] = {}


class _Register(msgspec.Struct, frozen=True):
    key: str
    byte_size: int
    offset: int = 0


class Protocol:
    """The handlers. *version* is labd's."""

    def __init__(self, desk: Desk, version: str, max_body: int) -> None:
        self._desk, self._version, self._max_body = desk, version, max_body

    def routes(self) -> list[Route]:
        look, use, act = Role.VIEW, Role.SUBMIT, Role.OPERATE
        shared, repository = "/v2/systemsharedmemory", "/v2/repository"
        table: list[tuple[str, str, Handler, Role, str]] = [
            ("GET", "/v2", self.server, look, "The server, and what of the protocol it speaks."),
            ("GET", "/v2/health/live", self.live, Role.NONE, "Does it live?"),
            ("GET", "/v2/health/ready", self.ready, Role.NONE, "Are all models ready?"),
            *self._of_model("GET", "", self.metadata, look, "What a model takes and gives."),
            *self._of_model("GET", "/ready", self.model_ready, look, "Would a request find a worker?"),
            *self._of_model("GET", "/config", self.config, look, "How a model is batched."),
            *self._of_model("GET", "/stats", self.statistics, look, "A model in numbers."),
            *self._of_model("POST", "/infer", self.infer, use, "Ask a model."),
            *self._of_model("POST", "/infer_stream", self.stream, use, "Ask a model for a stream."),
            ("GET", "/v2/models/stats", self.statistics, look, "All models in numbers."),
            ("POST", f"{repository}/index", self.index, look, "The models that there are."),
            ("POST", f"{repository}/models/{{model}}/load", self.load, act, "Load a model."),
            ("POST", f"{repository}/models/{{model}}/unload", self.unload, act, "Unload a model."),
            ("GET", f"{shared}/status", self.regions, look, "Shared memory that is registered."),
            ("GET", f"{shared}/region/{{region}}/status", self.regions, look, "One shared memory."),
            ("POST", f"{shared}/region/{{region}}/register", self.register, use, "Register shared memory."),
            ("POST", f"{shared}/region/{{region}}/unregister", self.unregister, use, "Forget shared memory."),
            ("POST", f"{shared}/unregister", self.unregister, use, "Forget all shared memory."),
        ]
        return [self._route(*row) for row in table]

    def _route(self, method: str, path: str, handler: Handler, role: Role, doc: str) -> Route:
        return Route(
            method=method, path=path, handler=speaking(handler), role=role, doc=doc, max_body=self._max_body
        )

    @staticmethod
    def _of_model(
        method: str, last: str, handler: Handler, role: Role, doc: str
    ) -> list[tuple[str, str, Handler, Role, str]]:
        paths = (f"/v2/models/{{model}}{last}", f"/v2/models/{{model}}/versions/{{version}}{last}")
        return [(method, path, handler, role, doc) for path in paths]

    # -- the server ------------------------------------------------------------------------------

    async def server(self, request: Request) -> Response:
        return Response.json({"name": "labd", "version": self._version, "extensions": EXTENSIONS})

    async def live(self, request: Request) -> Response:
        return Response()

    async def ready(self, request: Request) -> Response:
        return _empty(self._desk.models().ready())

    # -- models ----------------------------------------------------------------------------------

    async def metadata(self, request: Request) -> Response:
        view = self._view(request)
        versions = [each.version for each in self._desk.models().list() if each.name == view.name]
        return Response.json(
            {
                "name": view.name,
                "versions": versions,
                "platform": view.platform,
                "inputs": view.inputs,
                "outputs": view.outputs,
            }
        )

    async def model_ready(self, request: Request) -> Response:
        return _empty(self._desk.models().ready(request.params["model"], request.params.get("version", "")))

    async def config(self, request: Request) -> Response:
        view = self._view(request)
        return Response.json(
            {
                "name": view.name,
                "platform": view.platform,
                "backend": "labd",
                "max_batch_size": view.max_batch_size,
                "input": [_configured(one) for one in view.inputs],
                "output": [_configured(one) for one in view.outputs],
                "instance_group": [{"count": view.workers}],
                "model_transaction_policy": {"decoupled": view.streaming},
            }
        )

    async def statistics(self, request: Request) -> Response:
        found = self._desk.models().statistics(
            request.params.get("model", ""), request.params.get("version", "")
        )
        now, wall = trio.current_time(), time.time()
        return Response.json({"model_stats": [_in_numbers(one, wall - now) for one in found]})

    def _view(self, request: Request) -> ModelView:
        return self._desk.models().metadata(request.params["model"], request.params.get("version", ""))

    # -- inference -------------------------------------------------------------------------------

    async def infer(self, request: Request) -> Response:
        """The same as a lane does, with a task that waits."""
        arrived, said, told = trio.current_time(), list[Said](), trio.Event()
        place = where(
            request.params["model"], request.params.get("version", ""), request.peer.name, request.headers
        )

        def reply(one: Said) -> None:
            said.append(one)
            told.set()

        ticket = self._desk.submit(place, await request.body(), arrived, reply)
        try:
            await told.wait()
        finally:
            ticket.cancel()
        return _response(said[0])

    async def stream(self, request: Request) -> Response:
        """Answers as they come: events for who accepts ``text/event-stream``, else a line of JSON each."""
        place = where(
            request.params["model"], request.params.get("version", ""), request.peer.name, request.headers
        )
        asked, wanted = self._desk.read(place, await request.body(), trio.current_time())
        if any(one.region is not None for one in asked.outputs):
            raise bad("a stream cannot go to shared memory")
        outputs = tuple(one._replace(binary=False) for one in asked.outputs)
        asked = msgspec.structs.replace(asked, binary=False, outputs=outputs)
        events = b"text/event-stream" in request.headers.get(b"accept", b"")
        answers = self._desk.models().stream(wanted)
        first = await anext(answers, None)
        frame = b"data: %b\n\n" if events else b"%b\n"
        kind = "text/event-stream" if events else "application/x-ndjson"
        body = _framed(frame, self._lines(asked, first, answers))
        return Response(body, content_type=kind, headers=(("cache-control", "no-store"),))

    async def _lines(
        self, asked: Asked, first: Answer | None, answers: AsyncGenerator[Answer, None]
    ) -> AsyncGenerator[bytes, None]:
        async with aclosing(answers):
            try:
                if first is not None and first.tensors:
                    yield self._line(asked, first)
                async for one in answers:
                    if one.tensors:
                        yield self._line(asked, one)
            except LabdError as error:
                yield msgspec.json.encode({"error": explained(error)})

    def _line(self, asked: Asked, one: Answer) -> bytes:
        return b"".join(bytes(part) for part in self._desk.written(asked, one).parts)

    # -- the repository --------------------------------------------------------------------------

    async def index(self, request: Request) -> Response:
        ask = await _json(request, _Index)
        return Response.json(
            [
                {"name": one.name, "version": one.version, "state": STATES[one.state], "reason": one.reason}
                for one in self._desk.models().list()
                if one.state == "ready" or not ask.ready
            ]
        )

    async def load(self, request: Request) -> Response:
        ask, spec = await _json(request, _Load), None
        if "config" in ask.parameters:
            spec = _spec(request, ask.parameters["config"])
        await self._desk.models().load(request.params["model"], spec)
        return Response.json({})

    async def unload(self, request: Request) -> Response:
        await _json(request, _Load)
        await self._desk.models().unload(request.params["model"])
        return Response.json({})

    # -- shared memory ---------------------------------------------------------------------------

    async def regions(self, request: Request) -> Response:
        return Response.json(self._desk.regions.status(request.params.get("region")))

    async def register(self, request: Request) -> Response:
        ask = await _json(request, _Register)
        if ask.offset < 0 or ask.byte_size < 0:
            raise bad("offset and byte_size are bytes, from 0 on")
        peer = request.peer if request.peer.uid >= 0 else None
        self._desk.regions.register(request.params["region"], ask.key, ask.offset, ask.byte_size, peer)
        return Response.json({})

    async def unregister(self, request: Request) -> Response:
        name = request.params.get("region")
        if name is None:
            self._desk.regions.clear()
        else:
            self._desk.regions.unregister(name)
        return Response.json({})


# -- small things --------------------------------------------------------------------------------


def speaking(handler: Handler) -> Handler:
    """*handler*, whose errors are told as the protocol tells them."""

    async def spoken(request: Request) -> Response:
        try:
            return await handler(request)
        except LabdError as error:
            return _response(refused(error))

    return spoken


def _response(said: Said) -> Response:
    lines = [
        (name, value)
        for name, _, value in (
            line.partition(": ") for line in said.fields.decode("latin-1").split("\r\n") if line
        )
    ]
    fields = dict(lines)
    kind = fields.pop("content-type")
    return Response(b"".join(said.parts), said.status, kind, tuple(fields.items()))


def _empty(good: bool) -> Response:
    return Response(status=200 if good else 503)


async def _json(request: Request, kind: type[Any]) -> Any:
    body = await request.body()
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad(f"the request is not what the protocol wants: {error}") from None


def _spec(request: Request, config: object) -> ModelSpec:
    if request.peer.role < Role.ADMIN:
        raise NotPermitted(
            "a configuration of one's own says which code runs, and needs the role admin",
            hint="without it a model is loaded as it is declared in labd.toml",
        )
    try:
        return msgspec.json.decode(config if isinstance(config, str) else b"", type=ModelSpec)
    except msgspec.DecodeError as error:
        raise bad(f"parameters.config is not a model in JSON: {error}") from None


async def _framed(frame: bytes, lines: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    async with aclosing(lines):
        async for line in lines:
            yield frame % line


def _configured(one: Any) -> dict[str, Any]:
    return {
        "name": one.name,
        "data_type": f"TYPE_{one.datatype.replace('BYTES', 'STRING')}",
        "dims": one.shape[1:],
    }


def _in_numbers(one: ModelStatistics, since: float) -> dict[str, Any]:
    """In Triton's words, and then in all of ours; *since* is when the clock of the loop was zero."""
    return {
        "name": one.name,
        "version": one.version,
        "last_inference": round((since + one.last) * 1000) if one.last else 0,
        "inference_count": one.rows,
        "execution_count": one.batches,
        "inference_stats": {
            "success": {"count": one.succeeded, "ns": round(one.latency.seconds * 1e9)},
            "fail": {"count": one.failed + one.expired + one.refused, "ns": 0},
            "queue": {"count": one.waiting.count, "ns": round(one.waiting.seconds * 1e9)},
            "compute_infer": {"count": one.computing.count, "ns": round(one.computing.seconds * 1e9)},
        },
        "batch_stats": [{"batch_size": size, "count": n} for size, n in sorted(one.batch_sizes.items())],
        "labd": one,
    }
