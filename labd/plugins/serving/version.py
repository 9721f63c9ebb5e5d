"""One version of a model: its queue, its workers, and what passes between them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import trio

from labd.api import (
    Answer,
    BadInput,
    Inference,
    LabdError,
    Loader,
    ModelFailed,
    ModelSpec,
    ModelStatistics,
    ModelView,
    Node,
    NotReady,
    Tensor,
    TensorSpec,
    Ticket,
    TooLarge,
    UsageError,
    Worker,
    WorkerError,
    WorkerLost,
    WorkerSpec,
    WorkerView,
)
from labd.api.serving import Done, ModelState
from labd.plugins.serving import packing
from labd.plugins.serving.batcher import Batch, Batcher
from labd.plugins.serving.cache import Cache, digest_of
from labd.plugins.serving.figures import Figures
from labd.plugins.serving.item import OVER, Item
from labd.plugins.serving.queue import STEP
from labd.plugins.serving.seat import Seat

HOST = "labd.plugins.serving.worker.host"
PATIENCE = 3
"""So many workers in a row may fail to come up before requests are refused at once."""

News = Callable[[str, "Version"], object]
"""``news(kind, version)``: something of which there is an event."""


class Version:
    """*name* in *version*, by *spec*. :meth:`run` is its life; *news* hears how it fares."""

    def __init__(
        self, node: Node, name: str, version: str, spec: ModelSpec, loader: Loader, news: News
    ) -> None:
        self.name, self.version, self.spec, self.loader = name, version, spec, loader
        self._node, self._news = node, news
        self.figures = Figures()
        self._batcher = Batcher(spec, self.figures, self._defect)
        self._cache = Cache(spec.cache_bytes) if spec.cache_bytes else None
        self._seats: list[Seat] = []
        self._idle: list[Seat] = []
        self._inputs, self._outputs = spec.inputs, spec.outputs
        self._streaming = False
        self._sounds = packing.Sounds()
        self._now = trio.current_time  # replaced by what that looks up each time, once there is a loop
        self._nursery: trio.Nursery | None = None
        self._sooner = trio.Event()
        self._wake_at = math.inf
        self._changed = trio.Event()
        self._failures = 0
        self._open = False
        self._was_ready = self._retiring = self._abandoned = self._draining = False
        self.reason = self.hint = ""
        self.fault: dict[str, Any] = {}

    # -- how it stands ---------------------------------------------------------------------------

    @property
    def state(self) -> ModelState:
        if self._abandoned:
            return "failed"
        if self._retiring:
            return "unloading" if self._nursery is not None else "unloaded"
        if any(seat.worker is not None for seat in self._seats):
            return "ready"
        return "failed" if self._failures >= (PATIENCE if self._was_ready else 1) else "loading"

    def view(self, newest: bool) -> ModelView:
        """How it stands, for people and front ends."""
        seats = self._seats
        return ModelView(
            name=self.name, version=self.version, state=self.state,
            reason="" if self.state == "ready" else self.reason, platform=self.loader.platform,
            inputs=self._inputs, outputs=self._outputs, max_batch_size=self.spec.max_batch_size,
            workers=len(seats), ready_workers=sum(seat.worker is not None for seat in seats), newest=newest,
            streaming=self._streaming,
        )  # fmt: skip

    def statistics(self, now: float) -> ModelStatistics:
        """It in numbers."""
        f, queue = self.figures, self._batcher.queue
        oldest = min((item.arrived for item in queue), default=now)
        return ModelStatistics(
            name=self.name, version=self.version, requests=f.requests, succeeded=f.good, failed=f.bad,
            expired=f.expired, cancelled=f.dropped, refused=sum(f.refused.values()), refusals=dict(f.refused),
            cached=f.cached, batches=f.batches, split=f.split, retried=f.retried, rows=f.rows,
            bytes_in=f.bytes_in, bytes_out=f.bytes_out, queued=queue.count, queued_bytes=queue.size,
            oldest=now - oldest, in_flight=sum(len(batch.items) for batch in self._batcher.running),
            last=f.last, latency=f.latency.view(), waiting=f.waiting.view(), computing=f.computing.view(),
            batch_sizes=dict(sorted(f.batch_sizes.items())), released=dict(f.releases),
            workers=tuple(_worker_view(seat) for seat in self._seats), custom=f.custom,
        )  # fmt: skip

    async def wait_up(self) -> ModelState:
        """The state, once it is anything but loading."""
        while (state := self.state) == "loading":
            await self._changed.wait()
        return state

    # -- life ------------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until :meth:`retire` has drained it, or until cancelled."""
        if self._abandoned:
            return
        try:
            self._now = trio.lowlevel.current_clock().current_time
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                self.scale(self.spec.workers)
                nursery.start_soon(self._tick)
                task_status.started()
        finally:
            self._nursery = None
            self._retiring = True
            self._batcher.give_up(NotReady(f"model {self.name} was unloaded"), trio.current_time())
            self._tell_change()

    async def retire(self) -> None:
        """Take no more requests, answer those that are there, and end."""
        self._retiring = True
        self._tell_change()
        while not self._batcher.empty and self._seats:
            await self._changed.wait()
        for seat in self._seats:
            seat.retire()
        if self._nursery is not None:
            for seat in [*self._seats]:
                await seat.gone.wait()
            self._nursery.cancel_scope.cancel(reason=f"model {self.name} is unloaded")

    @property
    def empty(self) -> bool:
        """Whether nobody waits for an answer."""
        return self._batcher.empty

    async def settle(self) -> None:
        """Wait until nobody waits for an answer."""
        self._draining = True
        while not self._batcher.empty:
            await self._changed.wait()

    def give_up(self, error: LabdError) -> None:
        """Tell *error* to everybody who waits."""
        self._batcher.give_up(error, trio.current_time())

    def abandon(self) -> None:
        """It did not come up, and nobody is to try any more."""
        self._abandoned = True
        self.reason = self.reason or "it was given up while it was loading"
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel(reason=f"model {self.name} did not come up")

    def scale(self, workers: int) -> None:
        """Have *workers* of them."""
        if self._nursery is None:
            return
        self.figures.workers = workers
        taken = {seat.number for seat in self._seats}
        free = (number for number in range(len(taken) + workers) if number not in taken)
        for number, _ in zip(free, range(workers - len(self._seats)), strict=False):
            seat = Seat(number)
            self._seats.append(seat)
            self._nursery.start_soon(seat.run, self, self._node, name=f"model {self.name} worker {number}")
        for seat in self._seats[workers:]:
            self._seats.remove(seat)
            if seat in self._idle:
                self._idle.remove(seat)
            seat.retire()
        self._tell_change()

    # -- requests: nothing here makes a task, an event or a scope ----------------------------------

    def submit(self, request: Inference, done: Done) -> Ticket:
        """Queue *request*; see :class:`labd.api.Models`."""
        try:
            return self._submit(request, done)
        except LabdError as error:
            self.figures.refuse(error)
            raise

    def _submit(self, request: Inference, done: Done) -> Ticket:
        self._check_open()
        spec, now = self.spec, self._now()
        sound = self._sounds.check(request, self._inputs, spec)
        self._batcher.check_room(sound.size)
        request.priority = request.priority or spec.priority
        arrived = request.arrived or now
        timeout = spec.timeout if request.timeout is None else request.timeout
        item = Item(
            request, done, sound.key, sound.rows, sound.size, arrived, arrived + timeout,
            arrived + STEP * request.priority, self._drop,
        )  # fmt: skip
        if self._cache is not None and self._remembered(item, self._cache):
            return item
        soonest = self._batcher.soonest
        self._batcher.admit(item, now)
        self.figures.requests += 1
        self.figures.bytes_in += sound.size
        if self._batcher.soonest < soonest:
            self._wake(self._batcher.soonest)
        if self._idle:
            self._dispatch(now)
        return item

    def _check_open(self) -> None:
        if self._open:
            return
        state = self.state
        raise NotReady(
            f"model {self.name} of version {self.version} is {state}"
            + (f": {self.reason}" if self.reason else ""),
            hint=f"labctl model show {self.name}",
            data={"state": state},
        )

    def _remembered(self, item: Item, cache: Cache) -> bool:
        """Whether the answer is in the cache, and told."""
        item.digest = digest_of(item.request)
        tensors = cache.get(item.digest)
        if tensors is None:
            return False
        self.figures.requests += 1
        self.figures.cached += 1
        item.state, item.began = OVER, item.arrived
        self.figures.succeeded(item, trio.current_time())
        self._batcher.tell(item, Answer(self.name, self.version, item.request.id, tensors))
        return True

    def _defect(self, error: Exception) -> None:
        self._node.log.error("model %s: who asked failed at the answer", self.name, exc_info=error)

    def _drop(self, item: Item) -> None:
        self._batcher.drop(item)
        for seat in self._seats:
            if seat.batch is not None and self._streaming and item in seat.batch.items:
                seat.give_up()
        if self._retiring or self._draining:
            self._tell_change()

    # -- batches ---------------------------------------------------------------------------------

    def _dispatch(self, now: float) -> None:
        while self._idle:
            batch = self._batcher.next_batch(now)
            if batch is None:
                if self.spec.max_wait:
                    self._wake(self._batcher.release_at())
                return
            self._give(self._idle.pop(), batch, now)

    def _give(self, seat: Seat, batch: Batch, now: float) -> None:
        assert seat.worker is not None
        seat.batch = batch
        try:
            message = packing.join(batch.items)
            seat.give_up = seat.worker.submit(partial(self._answered, seat, batch), "infer", **message)
        except WorkerLost:
            seat.rest(0.0)
            self._batcher.put_back(batch)  # it has ended, and its place will know soon
            return
        except UsageError as error:
            seat.rest(0.0)
            self._idle.append(seat)
            self._batcher.failed(batch, TooLarge(error.message, hint=error.hint), now)
            return
        seat.overdue_at = now + (self.spec.predict_timeout or math.inf)
        self._wake(seat.overdue_at)

    def _answered(self, seat: Seat, batch: Batch, said: Any, error: LabdError | None) -> None:
        """A worker has answered *batch*, or failed at it."""
        now = self._now()
        seat.rest(now - batch.began)
        self.figures.computed(batch, now)
        free = seat.worker is not None and not seat.retired and not isinstance(error, WorkerLost)
        if free and self._batcher.queue.rows >= self._batcher.most:
            self._idle.append(seat)  # a whole batch waits: answers can be sent while that is computed
            free = False
            self._dispatch(now)
        if isinstance(error, WorkerLost):
            self._batcher.lost(batch, error, now)
        elif error is not None:
            self._batcher.failed(batch, self._fault(error), now)
        else:
            self._take(batch, said, now)
        if free and seat.worker is not None and not seat.retired:
            self._idle.append(seat)  # not before: who asks again at once is to go with the others
        if self._batcher.queue.count:
            self._dispatch(now)
        elif self._retiring or self._draining:
            self._tell_change()

    def _take(self, batch: Batch, said: Any, now: float) -> None:
        try:
            if self._streaming:
                answers: list[Answer | LabdError] = [
                    Answer(self.name, self.version, item.request.id, ()) for item in batch.items
                ]
            else:
                answers = packing.split(batch.items, said, self.version)
        except (ModelFailed, TypeError, ValueError, OverflowError) as error:
            wrong = (
                error
                if isinstance(error, ModelFailed)
                else ModelFailed(f"the worker said no answer: {error}")
            )
            self._batcher.failed(batch, wrong, now)
            return
        for item, answer in zip(batch.items, answers, strict=True):
            if isinstance(answer, Answer):
                self.figures.bytes_out += sum(len(tensor.data) for tensor in answer.tensors)
                if self._cache is not None and not self._streaming:
                    self._cache.put(item.digest, answer.tensors)
        self._batcher.succeeded(batch, answers, now)

    def _fault(self, error: LabdError) -> LabdError:
        """What the model's code raised, as its client is told."""
        kind = str(error.data.get("type", "")) if isinstance(error, WorkerError) else ""
        said = error.message.partition(": infer: ")[2] or error.message
        if kind == "BadInput":
            return BadInput(said.removeprefix("BadInput: "))
        return ModelFailed(
            f"model {self.name}: {said}", hint="labd's log has what it printed", data=error.data
        )

    async def _tick(self) -> None:
        """Deadlines, waits that are over, and workers that take too long."""
        while True:
            with trio.move_on_at(self._wake_at):
                await self._sooner.wait()
                self._sooner = trio.Event()
                continue
            now = trio.current_time()
            self._batcher.expire(now)
            for seat in self._seats:
                if seat.batch is not None and seat.overdue_at <= now and seat.worker is not None:
                    seat.overdue_at = math.inf
                    seat.worker.kill(f"predict took longer than {self.spec.predict_timeout:g} s")
            self._dispatch(now)
            self._wake_at = min(self._next_wakes(), default=math.inf)
            if self._retiring or self._draining:
                self._tell_change()

    def _next_wakes(self) -> list[float]:
        busy = [seat.overdue_at for seat in self._seats if seat.batch is not None]
        waiting = [self._batcher.release_at()] if self.spec.max_wait and self._idle else []
        return [self._batcher.soonest, *busy, *waiting]

    def _wake(self, at: float) -> None:
        """Look again at *at*, or before."""
        if at < self._wake_at:
            self._wake_at = at
            self._sooner.set()

    # -- workers: see seat.Employer ----------------------------------------------------------------

    def spec_of(self, seat: Seat) -> WorkerSpec:
        """What the worker of *seat* is."""
        spec = self.spec
        cores = spec.cpus or len(os.sched_getaffinity(0)) / max(spec.workers, 1)
        threads = {"OMP_NUM_THREADS": str(max(1, int(cores)))}  # more than there are cores slow each other
        device, part = self._device(seat)
        cpu = {} if device is not None or spec.gpus else {"CUDA_VISIBLE_DEVICES": "-1"}
        warm = spec.warm if spec.gpus or device is not None else (*self.loader.warm, *spec.warm)
        largest = max(spec.max_request_bytes * 2, 64 * 2**20)
        return WorkerSpec(
            target=f"{HOST}:Host", name=_plain_name(self.name), python=spec.python,
            path=(*spec.path, *self.loader.path), warm=warm, env={**cpu, **threads, **spec.env},
            user=spec.user, sandbox=spec.sandbox, read=spec.read, write=spec.write, cpus=spec.cpus,
            memory=spec.memory, gpus=part, gpu_ids=() if device is None else (device,),
            start_timeout=spec.load_timeout, shared=spec.shared,
            max_message=min(largest, 2**31), blocks=True,
        )  # fmt: skip

    def _device(self, seat: Seat) -> tuple[int | None, float]:
        """The GPU that ``device_map`` names for *seat*, None for any or none; and how much of one."""
        spec = self.spec
        if not spec.device_map:
            return None, spec.gpus
        device = spec.device_map[seat.number % len(spec.device_map)]
        if device < 0:
            return None, 0.0
        sharing = sum(
            spec.device_map[n % len(spec.device_map)] == device
            for n in range(max(spec.workers, seat.number + 1))
        )
        part = spec.gpu_memory_fraction or spec.gpus or 1.0 / max(sharing, 1)
        return device, min(part, 1.0)

    async def introduce(self, seat: Seat, worker: Worker) -> None:
        """Have the model loaded and warmed up in *worker*. Raises LabdError."""
        spec = self.spec
        context = {
            "name": self.name, "version": self.version, "target": spec.target, "arguments": spec.arguments,
            "devices": list(worker.statistics().gpu_ids), "memory_fraction": spec.gpu_memory_fraction,
            "batch_size": spec.max_batch_size, "worker": seat.number,
        }  # fmt: skip
        inputs, outputs = _triples(spec.inputs), _triples(spec.outputs)
        said = await worker.call(
            "load", loader=self.loader.module, context=context, inputs=inputs, outputs=outputs
        )
        if not isinstance(said, dict):
            raise ModelFailed(f"the worker of model {self.name} said {str(said)[:100]!r} of it")
        self._inputs, self._outputs = _specs(said.get("inputs")), _specs(said.get("outputs"))
        self._streaming = bool(said.get("streaming"))
        self._batcher.most = 1 if self._streaming else spec.max_batch_size
        if spec.warm_up:
            await self._warm_up(worker)

    async def _warm_up(self, worker: Worker) -> None:
        inputs, size = _triples(self._inputs), self._batcher.most
        try:
            await worker.call("warm_up", inputs=inputs, batch_size=size)
        except WorkerError as error:
            hint = "give the model a warm_up() of its own, or set warm_up = false"
            raise type(error)(error.message, hint=error.hint or hint, data=error.data) from None

    def employ(self, seat: Seat) -> None:
        """*seat* has a worker that can answer."""
        self._failures = 0
        first, self._was_ready = not self._was_ready, True
        self._idle.append(seat)
        self._tell_change()
        if first:
            self._news("model.ready", self)
        self._dispatch(trio.current_time())

    def dismiss(self, seat: Seat, error: LabdError | None, *, was_good: bool) -> None:
        """The worker of *seat* has ended, or did not come up (*was_good* is False)."""
        if seat in self._idle:
            self._idle.remove(seat)
        if error is not None and not seat.retired:
            self._node.log.warning("model %s: %s", self.name, error.message)
            self._failures += not was_good
            self.reason, self.hint, self.fault = " ".join(error.message.split()), error.hint, error.data
            if self.state == "failed":
                refused = NotReady(f"model {self.name} failed: {self.reason}", hint=error.hint)
                self._batcher.give_up(refused, trio.current_time())
                self._news("model.failed", self)
        self._tell_change()

    def heard(self, seat: Seat, method: str, params: dict[str, Any]) -> None:
        """The model's code tells something."""
        if method == "record" and isinstance(params.get("values"), dict):
            self.figures.record(params["values"])
        elif method == "piece" and seat.batch is not None:
            for item in seat.batch.items:
                for answer in _piece(item, params.get("outputs"), self.version):
                    self._batcher.part(seat.batch, item, answer)

    def _tell_change(self) -> None:
        state = self.state
        self._open = state == "ready" or (state == "loading" and self._was_ready)
        self._changed.set()
        self._changed = trio.Event()


def _piece(item: Item, outputs: Any, version: str) -> list[Answer]:
    """A piece of a stream; none for what is nothing that a worker of labd would say."""
    if not isinstance(outputs, list) or not all(map(_is_output, outputs)):
        return []
    tensors = tuple(
        Tensor(str(name), str(dtype), tuple(shape), getattr(data, "data", data))
        for name, dtype, shape, data in outputs
    )
    return [Answer(item.request.model, version, item.request.id, tensors, final=False)]


def _is_output(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and isinstance(value[2], list)


def _specs(triples: Any) -> tuple[TensorSpec, ...]:
    try:
        return tuple(TensorSpec(str(n), str(t), tuple(int(d) for d in s)) for n, t, s in triples)
    except (TypeError, ValueError):
        raise ModelFailed(
            f"the model's inputs or outputs are not [name, datatype, shape]: {triples!r}"
        ) from None


def _triples(specs: tuple[TensorSpec, ...]) -> list[list[Any]]:
    return [[one.name, one.datatype, list(one.shape)] for one in specs]


def _plain_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "_.-" else "-" for c in name)[:60]


def _worker_view(seat: Seat) -> WorkerView:
    worker = seat.worker
    return WorkerView(
        name=worker.name if worker else "", pid=worker.pid if worker else 0, state=seat.state,
        device=seat.device, batches=seat.batches, items=seat.items, restarts=seat.restarts,
        busy_seconds=seat.busy_seconds,
    )  # fmt: skip
