"""Several models as one: the outputs of one are the inputs of the next. Each has its own batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import trio

from labd.api import BadInput, Inference, LabdError, ModelView, Tensor, Ticket, UnknownModel
from labd.api.serving import Done, Outcome
from labd.plugins.serving.figures import Figures

Submit = Callable[[Inference, Done], Ticket]
Find = Callable[[str], ModelView]


class Journey:
    """One request on its way through the *stages*; the ticket of whoever asked."""

    def __init__(self, pipeline: Pipeline, request: Inference, done: Done) -> None:
        self._pipeline, self._request, self._done = pipeline, request, done
        self._arrived = request.arrived or trio.current_time()
        self._stage = 0
        self._ticket: Ticket | None = None
        self._over = False

    def cancel(self) -> None:
        if not self._over:
            self._over = True
            self._pipeline.figures.dropped += 1
            if self._ticket is not None:
                self._ticket.cancel()

    def begin(self) -> None:
        """Ask the first stage. Raises what it refuses."""
        self._ask(self._request.tensors)

    def _ask(self, tensors: tuple[Tensor, ...]) -> None:
        asked, stage = self._request, self._pipeline.stages[self._stage]
        last = self._stage == len(self._pipeline.stages) - 1
        self._ticket = self._pipeline.submit(
            Inference(
                stage, self._pipeline.renamed(stage, tensors) if self._stage else tensors,
                id=asked.id, parameters=asked.parameters,
                timeout=self._pipeline.timeout if asked.timeout is None else asked.timeout,
                arrived=self._arrived, priority=asked.priority, outputs=asked.outputs if last else (),
                codec=asked.codec, client=asked.client,
            ),
            self._heard,
        )  # fmt: skip

    def _heard(self, outcome: Outcome) -> None:
        if self._over:
            return
        if isinstance(outcome, LabdError):
            self._end(outcome)
        elif self._stage == len(self._pipeline.stages) - 1:
            self._end(msgspec.structs.replace(outcome, model=self._request.model, version="1"))
        elif outcome.tensors:
            self._stage += 1
            try:
                self._ask(outcome.tensors)
            except LabdError as error:
                self._end(error)

    def _end(self, outcome: Outcome) -> None:
        now, figures = trio.current_time(), self._pipeline.figures
        final = isinstance(outcome, LabdError) or outcome.final
        self._over = final
        if isinstance(outcome, LabdError):
            figures.bad += 1
        elif final:
            figures.good += 1
            figures.latency.observe(now - self._arrived)
        self._done(outcome)


class Pipeline:
    """The model *name*, made of *stages*. *submit* asks one of them, *find* tells of it."""

    def __init__(self, name: str, stages: Sequence[str], timeout: float, submit: Submit, find: Find) -> None:
        self.name, self.stages, self.timeout = name, tuple(stages), timeout
        self.submit, self._find = submit, find
        self.figures = Figures()

    def start(self, request: Inference, done: Done) -> Ticket:
        """Ask the first stage; see :class:`labd.api.Models`."""
        journey = Journey(self, request, done)
        try:
            journey.begin()
        except LabdError as error:
            self.figures.refuse(error)
            raise
        self.figures.requests += 1
        return journey

    def view(self) -> ModelView:
        """As ready as its stages are."""
        views = []
        for stage in self.stages:
            try:
                views.append(self._find(stage))
            except UnknownModel as error:
                return ModelView(self.name, "1", "failed", error.message, "pipeline", pipeline=self.stages)
        worst = next((view for view in views if view.state != "ready"), None)
        return ModelView(
            name=self.name, version="1", state=worst.state if worst else "ready",
            reason=f"stage {worst.name}: {worst.reason}" if worst else "", platform="pipeline",
            inputs=views[0].inputs, outputs=views[-1].outputs,
            max_batch_size=min(view.max_batch_size for view in views), pipeline=self.stages,
            streaming=views[-1].streaming,
        )  # fmt: skip

    def renamed(self, stage: str, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """*tensors* under the names that *stage* knows: by their places, where it has other names."""
        wanted = [spec.name for spec in self._find(stage).inputs]
        if not wanted or {one.name for one in tensors} >= set(wanted):
            return tuple(one for one in tensors if not wanted or one.name in wanted)
        if len(wanted) != len(tensors):
            had = ", ".join(one.name for one in tensors)
            raise BadInput(f"stage {stage} takes {', '.join(wanted)}; the one before it gave {had}")
        return tuple(
            Tensor(name, one.dtype, one.shape, one.data) for name, one in zip(wanted, tensors, strict=True)
        )
