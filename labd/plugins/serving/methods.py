"""``model.*``: what clients of the socket ask for, and who may."""

from contextlib import aclosing
from typing import Annotated, Any

import msgspec
import trio
from msgspec import Meta

from labd.api import (
    Answer,
    Call,
    Conflict,
    Inference,
    Method,
    ModelSpec,
    ModelView,
    NotPermitted,
    Role,
    Tensor,
    TooLarge,
    UnknownModel,
)
from labd.plugins.serving.models import ServedModels, user_for
from labd.plugins.serving.staging import Staging

PART = "model.part"
"""What a notice with an answer of a stream is called."""

LARGEST = 250 * 2**20
"""Bytes of the tensors of an answer: labd's clients take messages that are a little longer."""

Name = Annotated[str, Meta(min_length=1, max_length=100)]
Version = Annotated[str, Meta(max_length=64)]


class List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class One(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: Name
    version: Version = ""


class Some(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: Annotated[str, Meta(max_length=100)] = ""
    version: Version = ""


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: Name
    spec: ModelSpec | None = None


class Scale(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: Name
    workers: Annotated[int, Meta(ge=1, le=1000)]


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(max_length=1000)]
    datatype: str
    shape: Annotated[tuple[Annotated[int, Meta(ge=0)], ...], Meta(max_length=32)]
    data: bytes = b""
    """Empty where *staged* names what was sent before by ``model.stage``."""
    staged: Annotated[str, Meta(max_length=64)] = ""


class Stage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    data: bytes
    staged: Annotated[str, Meta(max_length=64)] = ""


class Infer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: Name
    inputs: Annotated[tuple[Input, ...], Meta(max_length=1000)]
    version: Version = ""
    id: Annotated[str, Meta(max_length=1000)] = ""
    parameters: dict[str, Any] = {}
    outputs: tuple[str, ...] = ()
    timeout: Annotated[float, Meta(gt=0, le=86_400)] | None = None
    priority: Annotated[int, Meta(ge=0, le=100)] = 0
    stream: bool = False


class ModelMethods:
    """The handlers; what they do is done by *models*."""

    def __init__(self, models: ServedModels) -> None:
        self._models = models
        self._staging = Staging()

    def all(self) -> list[Method]:
        return [
            Method("model.list", self.list, List, Role.VIEW, "Models: every version, and how it stands."),
            Method("model.show", self.show, One, Role.VIEW, "One model: how it stands, and its spec."),
            Method("model.stats", self.stats, Some, Role.VIEW, "Models in numbers."),
            Method("model.infer", self.infer, Infer, Role.SUBMIT, "Ask a model.", lasts=True),
            Method(
                "model.stage", self.stage, Stage, Role.SUBMIT, "Send a large tensor in pieces, before asking."
            ),
            Method("model.load", self.load, Load, Role.OPERATE, "Load a model; ready when answered."),
            Method("model.unload", self.unload, One, Role.OPERATE, "Let a model go, once it has answered."),
            Method("model.reload", self.reload, One, Role.OPERATE, "Load a model anew, without a gap."),
            Method("model.scale", self.scale, Scale, Role.OPERATE, "Change how many workers a model has."),
        ]

    async def list(self, call: Call, ask: List) -> dict[str, Any]:
        return {"models": [_view(one) for one in self._models.list()]}

    async def show(self, call: Call, ask: One) -> dict[str, Any]:
        spec = msgspec.structs.replace(self._models.spec(ask.model, ask.version), env={})
        return {
            "model": _view(self._models.metadata(ask.model, ask.version)),
            "spec": msgspec.to_builtins(spec),
        }

    async def stats(self, call: Call, ask: Some) -> dict[str, Any]:
        found = self._models.statistics(ask.model, ask.version)
        return {"models": [msgspec.to_builtins(one, str_keys=True) for one in found]}

    async def infer(self, call: Call, ask: Infer) -> dict[str, Any]:
        wanted = self._wanted(call, ask)
        if ask.stream:
            return await self._stream(call, wanted)
        answer = await self._models.infer(wanted)
        if (size := sum(len(one.data) for one in answer.tensors)) > LARGEST:
            raise TooLarge(
                f"the answer has {size} bytes, and a message of the socket {LARGEST} at most",
                hint="ask for fewer rows or outputs at a time, or over HTTP",
            )
        return {**_said(answer), "id": answer.id}

    async def _stream(self, call: Call, wanted: Inference) -> dict[str, Any]:
        """Answers as they come, each as a notice ``model.part``; the reply says how many there were."""
        parts, version = 0, wanted.version
        async with aclosing(self._models.stream(wanted)) as answers:
            async for answer in answers:
                version = answer.version
                if answer.tensors:
                    await _tell(call, answer)
                    parts += 1
        return {"model": wanted.model, "version": version, "id": wanted.id, "outputs": [], "parts": parts}

    async def stage(self, call: Call, ask: Stage) -> dict[str, Any]:
        return {"staged": self._staging.add(call.peer.uid, ask.staged, ask.data, trio.current_time())}

    def _wanted(self, call: Call, ask: Infer) -> Inference:
        tensors = tuple(
            Tensor(
                one.name, one.datatype, one.shape,
                self._staging.take(call.peer.uid, one.staged) if one.staged else one.data,
            )
            for one in ask.inputs
        )  # fmt: skip
        return Inference(
            ask.model, tensors, version=ask.version, id=ask.id, parameters=ask.parameters,
            timeout=ask.timeout, priority=ask.priority, outputs=ask.outputs, client=call.peer.name,
            arrived=trio.current_time(),
        )  # fmt: skip

    async def load(self, call: Call, ask: Load) -> dict[str, Any]:
        spec = ask.spec
        if spec is not None:
            spec = user_for(spec, call.peer.name)
            if spec.user not in ("", call.peer.name) and call.peer.role < Role.ADMIN:
                raise NotPermitted(
                    f"{call.peer.name} cannot load a model that runs as {spec.user}", hint="only an admin can"
                )
        return {"model": _view(await self._models.load(ask.model, spec))}

    async def unload(self, call: Call, ask: One) -> dict[str, Any]:
        last = self._models.metadata(ask.model, ask.version)
        await self._models.unload(ask.model, ask.version)
        try:
            last = self._models.metadata(ask.model, ask.version)
        except UnknownModel:  # it never came up, and is forgotten
            last = msgspec.structs.replace(last, state="unloaded", workers=0, ready_workers=0)
        return {"model": _view(last)}

    async def reload(self, call: Call, ask: One) -> dict[str, Any]:
        return {"model": _view(await self._models.reload(ask.model))}

    async def scale(self, call: Call, ask: Scale) -> dict[str, Any]:
        return {"model": _view(await self._models.scale(ask.model, ask.workers))}


async def _tell(call: Call, answer: Answer) -> None:
    """Raises Conflict: who asked has left, which is no fault of ours."""
    try:
        await call.notify(PART, _said(answer))
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        raise Conflict("who asked for the stream has left") from None


def _said(answer: Answer) -> dict[str, Any]:
    outputs = [
        {"name": one.name, "datatype": one.dtype, "shape": list(one.shape), "data": bytes(one.data)}
        for one in answer.tensors
    ]
    return {"model": answer.model, "version": answer.version, "outputs": outputs}


def _view(view: ModelView) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(view)
    return found
