"""Models in memory, for tests of front ends: what each answers is a function of the test's."""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from functools import partial

import msgspec
import trio

from labd.api.serving import (
    Answer,
    Done,
    Durations,
    Inference,
    ModelSpec,
    ModelStatistics,
    ModelView,
    Outcome,
    Ticket,
)
from labd.errors import LabdError, NotReady, UnknownModel

Behaviour = Callable[[Inference], Outcome | Iterable[Outcome]]
"""What a model answers: one outcome, or those of a stream, of which the last is final."""


def echo(request: Inference) -> Answer:
    """The tensors of *request*, as they came."""
    return Answer(request.model, request.version or "1", request.id, request.tensors)


class Held:
    """A request that waits for the test: a ticket, which :meth:`finish` answers."""

    def __init__(self, request: Inference, done: Done) -> None:
        self.request, self._done = request, done
        self.cancelled = self.over = False

    def cancel(self) -> None:
        self.cancelled = self.cancelled or not self.over

    def finish(self, outcome: Outcome | None = None) -> None:
        """Tell *outcome*, or an echo, unless nobody waits any more."""
        outcome = echo(self.request) if outcome is None else outcome
        self.over = self.over or isinstance(outcome, LabdError) or outcome.final
        if not self.cancelled:
            self._done(outcome)


class FakeModels:
    """A :class:`labd.api.Models`. Give each model a view by :meth:`put`.

    ``requests`` has all that was asked. While *hold* is true requests wait in ``held`` for the test, else
    they are answered in the next turn of the loop. *refusal* is raised by every ``submit``.
    """

    def __init__(self, *names: str) -> None:
        self.views: dict[tuple[str, str], ModelView] = {}
        self.behaviours: dict[str, Behaviour] = {}
        self.specs: dict[str, ModelSpec] = {}
        self.requests: list[Inference] = []
        self.held: list[Held] = []
        self.loaded: list[tuple[str, ModelSpec | None]] = []
        self.hold = False
        self.refusal: LabdError | None = None
        for name in names:
            self.put(ModelView(name, "1", "ready", workers=1, ready_workers=1))

    def put(self, view: ModelView, behaviour: Behaviour = echo) -> None:
        """Have the model *view*, which answers by *behaviour*."""
        self.views[view.name, view.version] = view
        self.behaviours[view.name] = behaviour

    def submit(self, request: Inference, done: Done) -> Ticket:
        if self.refusal is not None:
            raise self.refusal
        view = self.metadata(request.model, request.version)
        if view.state != "ready":
            raise NotReady(f"model {view.name} is {view.state}: {view.reason}")
        self.requests.append(request)
        held = Held(request, done)
        if self.hold:
            self.held.append(held)
        else:
            trio.lowlevel.current_trio_token().run_sync_soon(partial(self._answer, held))
        return held

    async def infer(self, request: Inference) -> Answer:
        answers = self.stream(request)
        try:
            return await anext(answers)
        finally:
            await answers.aclose()

    async def stream(self, request: Inference) -> AsyncGenerator[Answer, None]:
        send, receive = trio.open_memory_channel[Outcome](1000)
        ticket = self.submit(request, send.send_nowait)
        try:
            async for outcome in receive:
                if isinstance(outcome, LabdError):
                    raise outcome
                yield outcome
                if outcome.final:
                    return
        finally:
            ticket.cancel()

    def list(self) -> Sequence[ModelView]:
        return [self.views[key] for key in sorted(self.views)]

    def metadata(self, model: str, version: str = "") -> ModelView:
        found = [v for (n, one), v in sorted(self.views.items()) if n == model and version in ("", one)]
        if not found:
            raise UnknownModel(f"there is no model {model!r}" + (f" of version {version}" if version else ""))
        return next((view for view in reversed(found) if view.state == "ready"), found[-1])

    def spec(self, model: str, version: str = "") -> ModelSpec:
        view = self.metadata(model, version)
        return self.specs.get(view.name, ModelSpec())

    def ready(self, model: str = "", version: str = "") -> bool:
        if model:
            return self.metadata(model, version).state == "ready"
        return all(view.state in ("ready", "unloaded") for view in self.views.values())

    async def load(self, model: str, spec: ModelSpec | None = None) -> ModelView:
        await trio.lowlevel.checkpoint()
        if spec is None and not any(name == model for name, _ in self.views):
            raise UnknownModel(f"there is no model {model!r}")
        self.loaded.append((model, spec))
        version = (spec.version if spec else "") or "1"
        self.put(
            ModelView(model, version, "ready", workers=1, ready_workers=1), self.behaviours.get(model, echo)
        )
        return self.views[model, version]

    async def unload(self, model: str, version: str = "") -> None:
        await trio.lowlevel.checkpoint()
        view = self.metadata(model, version)
        self.views[model, view.version] = msgspec.structs.replace(view, state="unloaded", ready_workers=0)

    async def reload(self, model: str) -> ModelView:
        return await self.load(model)

    async def scale(self, model: str, workers: int) -> ModelView:
        await trio.lowlevel.checkpoint()
        view = msgspec.structs.replace(self.metadata(model), workers=workers, ready_workers=workers)
        self.views[model, view.version] = view
        return view

    def statistics(self, model: str = "", version: str = "") -> Sequence[ModelStatistics]:
        views = [self.metadata(model, version)] if model else self.list()
        return [self._statistics(view) for view in views]

    def _answer(self, held: Held) -> None:
        outcome = self.behaviours[held.request.model](held.request)
        for each in [outcome] if isinstance(outcome, Answer | LabdError) else outcome:
            held.finish(each)

    def _statistics(self, view: ModelView) -> ModelStatistics:
        count = sum(request.model == view.name for request in self.requests)
        none = Durations(0, 0.0, (), (0,))
        return ModelStatistics(
            name=view.name, version=view.version, requests=count, succeeded=count, failed=0, expired=0,
            cancelled=0, refused=0, refusals={}, cached=0, batches=count, split=0, retried=0, rows=count,
            bytes_in=0, bytes_out=0, queued=0, queued_bytes=0, oldest=0.0, in_flight=0, last=0.0,
            latency=none, waiting=none, computing=none, batch_sizes={1: count}, released={"idle": count},
            workers=(), custom={},
        )  # fmt: skip
