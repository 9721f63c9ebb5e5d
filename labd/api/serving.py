"""Models as front ends see them: a request, its answers, what may go wrong, and who takes requests.

A front end (HTTP, ZMTP, the local socket) makes an :class:`Inference` of what it received, gives it to
:class:`Models` and writes what comes back. Tensors are bytes with a dtype and a shape, in the words of the
Open Inference Protocol v2: nothing here needs numpy, and nothing is looked into.
"""

import math
import struct
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta

from labd.errors import LabdError

ITEM_SIZES: Mapping[str, int] = {
    "BOOL": 1,
    "UINT8": 1, "UINT16": 2, "UINT32": 4, "UINT64": 8,
    "INT8": 1, "INT16": 2, "INT32": 4, "INT64": 8,
    "FP16": 2, "BF16": 2, "FP32": 4, "FP64": 8,
}  # fmt: skip
"""Bytes of one element of each dtype of v2 but ``BYTES``: little endian, row-major, packed."""

BYTES = "BYTES"
"""The dtype of texts: of each element a length in four bytes, little endian, and the bytes."""

RAW = "RAW"
"""A dtype that is not on the network: the data is one opaque item for the ``codec`` of the request."""

Data = bytes | bytearray | memoryview


class Tensor(msgspec.Struct, gc=False):
    """An array. *data* is as in the binary form of v2; labd does not change it, nor may its owner."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: Any
    """``bytes``, or a ``memoryview`` or ``bytearray`` that stays as it is until the answer."""


class Inference(msgspec.Struct):
    """One request. The first axis of its tensors is the batch: requests are joined and split along it.

    *version* is empty for the newest that is ready. *id* is the client's, and comes back. *timeout* is in
    seconds from the arrival, None for the model's own; *arrived* is ``trio.current_time()`` then, 0 for now.
    *priority*: 1 is the highest, 0 the model's default. *outputs* are the names that are wanted, none for
    all. *codec*, set by a front end and never by its client, is the ``module`` in which a worker finds
    ``decode(data) -> item`` and ``encode(item, data) -> bytes``, for tensors that are :data:`RAW`.
    """

    model: str
    tensors: tuple[Tensor, ...]
    version: str = ""
    id: str = ""
    parameters: dict[str, Any] = {}
    timeout: float | None = None
    arrived: float = 0.0
    priority: int = 0
    outputs: tuple[str, ...] = ()
    codec: str = ""
    client: str = ""
    """Who asks, for logs and counts."""

    @property
    def size(self) -> int:
        """The bytes of its tensors."""
        return sum(len(each.data) for each in self.tensors)


class Answer(msgspec.Struct):
    """What a model said. A stream is several of them; the one that is *final* is the last.

    The last answer of a stream may have no tensors: then it says only that the stream is over.
    """

    model: str
    version: str
    id: str
    tensors: tuple[Tensor, ...]
    parameters: dict[str, Any] = {}
    final: bool = True


Outcome = Answer | LabdError
Done = Callable[[Outcome], object]
"""What becomes of a request: ``done(outcome)`` is called once, of a stream once for each answer.

It is called in the middle of somebody else's work: it must not block, nor raise. After an error, or an
answer that is ``final``, it is not called again; after ``cancel()`` never. A request that needs no model
(its answer is in the cache) may be done before ``submit`` returns.
"""


class Ticket(Protocol):
    """A request that was accepted."""

    def cancel(self) -> None:
        """Nobody waits any more. What is queued never reaches a model; ``done`` is not called. Harmless
        when it is over.
        """
        ...


ModelState = Literal["loading", "ready", "failed", "unloading", "unloaded"]
"""``ready``: a worker of it has answered its warm-up, and lives. ``failed``: see ``reason``."""


class TensorSpec(msgspec.Struct, frozen=True):
    """What a model takes or gives. -1 stands for any length; the first axis is the batch."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class ModelView(msgspec.Struct, frozen=True):
    """One version of a model. No *inputs*: it does not say, and takes whatever its code takes.

    *newest*: requests without a version go there. *ready_workers* of *workers* are up.
    """

    name: str
    version: str
    state: ModelState
    reason: str = ""
    platform: str = "python"
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    max_batch_size: int = 1
    workers: int = 0
    ready_workers: int = 0
    newest: bool = True
    pipeline: tuple[str, ...] = ()
    streaming: bool = False


class Durations(msgspec.Struct, frozen=True):
    """How long something took: *counts* has one number for each of *bounds* (seconds, upper), and one for
    what took longer. Whoever looks twice has the time between by the differences.
    """

    count: int
    seconds: float
    bounds: tuple[float, ...]
    counts: tuple[int, ...]

    def quantile(self, part: float) -> float | None:
        """The upper bound of what *part* of all took, in seconds; None for nothing."""
        left = part * self.count
        for bound, count in zip((*self.bounds, math.inf), self.counts, strict=True):
            left -= count
            if count and left <= 0:
                return bound
        return None


class WorkerView(msgspec.Struct, frozen=True):
    """A worker of a model. *device*: the GPU's index, -1 for none."""

    name: str
    pid: int
    state: str
    device: int
    batches: int
    items: int
    restarts: int
    busy_seconds: float


class ModelStatistics(msgspec.Struct, frozen=True):
    """One version of a model in numbers, since it was loaded. Times are seconds, sizes bytes.

    Each request ends as one of *succeeded*, *failed*, *expired* (its deadline), *cancelled* or *refused*
    (see *refusals*: code and count). *cached* are in *succeeded*. *batch_sizes* has, for each number of rows,
    how many batches had so many; *released* why batches were: ``full``, ``idle`` (a worker was), ``wait``.
    """

    name: str
    version: str
    requests: int
    succeeded: int
    failed: int
    expired: int
    cancelled: int
    refused: int
    refusals: dict[str, int]
    cached: int
    batches: int
    split: int
    retried: int
    rows: int
    bytes_in: int
    bytes_out: int
    queued: int
    queued_bytes: int
    oldest: float
    in_flight: int
    last: float
    latency: Durations
    waiting: Durations
    computing: Durations
    batch_sizes: dict[int, int]
    released: dict[str, int]
    workers: tuple[WorkerView, ...]
    custom: dict[str, float]
    """What the model's code recorded: the mean of the last 1000 of each name."""


class ModelSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a model is loaded, batched and held. Times are seconds, sizes bytes; 0 of a limit is none.

    *loader* is one of those that plugins offer; ``python`` takes *target*, a ``module:Class`` found on *path*
    first. *arguments* are the loader's. *env* is added to the environment of the workers, *python* is another
    interpreter. A *pipeline* names other models instead, and has no workers: the outputs of one are the
    inputs of the next.
    """

    loader: str = "python"
    target: str = ""
    path: tuple[str, ...] = ()
    arguments: dict[str, Any] = {}
    version: Annotated[str, Meta(pattern=r"^[\w.-]{0,64}$")] = ""
    pipeline: tuple[str, ...] = ()
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    python: str = ""
    env: dict[str, str] = {}
    warm: tuple[str, ...] = ()
    user: str = ""
    sandbox: Literal["none", "limits", "isolated", "isolated+net"] = "limits"
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    workers: Annotated[int, Meta(ge=1, le=1000)] = 1
    max_batch_size: Annotated[int, Meta(ge=1, le=100_000)] = 16
    max_wait: Annotated[float, Meta(ge=0, le=60)] = 0.0
    timeout: Annotated[float, Meta(gt=0, le=86_400)] = 30.0
    predict_timeout: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    load_timeout: Annotated[float, Meta(gt=0, le=86_400)] = 120.0
    max_queue: Annotated[int, Meta(ge=0)] = 1000
    max_queue_bytes: Annotated[int, Meta(ge=0)] = 256 * 2**20
    max_request_bytes: Annotated[int, Meta(ge=0)] = 64 * 2**20
    priority: Annotated[int, Meta(ge=1, le=100)] = 50
    retries: Annotated[int, Meta(ge=0, le=10)] = 1
    cache_bytes: Annotated[int, Meta(ge=0)] = 0
    cpus: Annotated[float, Meta(ge=0)] = 0
    memory: Annotated[int, Meta(ge=0)] = 0
    gpus: Annotated[float, Meta(ge=0)] = 0
    gpu_memory_fraction: Annotated[float, Meta(ge=0, le=1)] = 0.0
    device_map: tuple[int, ...] = ()
    shared: Annotated[int, Meta(ge=0, le=2**36)] = 64 * 2**20
    warm_up: bool = True


class Models(Protocol):
    """Who takes requests. ``node.models`` has it for every plugin."""

    def submit(self, request: Inference, done: Done) -> Ticket:
        """Queue *request*; its outcome is told to *done*. No task, event or scope is made for it.

        Raises what is known at once: UnknownModel, NotReady, BadInput, TooLarge, Overloaded (with
        ``data["retry_after"]``, seconds), DeadlineExceeded. Later *done* may get BadInput, ModelFailed,
        NotReady or DeadlineExceeded.
        """
        ...

    async def infer(self, request: Inference) -> Answer:
        """The answer of *request*; cancelled when the caller is. Of a stream the first one, and the rest is
        not asked for. Raises all that ``submit`` and ``done`` tell.
        """
        ...

    def stream(self, request: Inference) -> AsyncGenerator[Answer, None]:
        """The answers of *request* as they come; leave it early inside ``contextlib.aclosing``.

        Raises as :meth:`infer`, and Overloaded for a caller that falls far behind.
        """
        ...

    def list(self) -> Sequence[ModelView]:
        """Every version of every model that is known, unloaded ones too; by name, the newest last."""
        ...

    def metadata(self, model: str, version: str = "") -> ModelView:
        """One version; the newest one that is ready for an empty *version*. Raises UnknownModel."""
        ...

    def spec(self, model: str, version: str = "") -> ModelSpec:
        """How it is loaded; of an empty *version* as :meth:`metadata`. Raises UnknownModel."""
        ...

    def ready(self, model: str = "", version: str = "") -> bool:
        """Whether a request would find a living worker; of no *model*: whether all that are wanted are."""
        ...

    async def load(self, model: str, spec: ModelSpec | None = None) -> ModelView:
        """Load *model*, ready on return, and again after a restart of labd.

        No *spec*: as it is declared or was loaded last. While another version of it is served, the new one
        takes over once it is ready. Raises UnknownModel, UsageError, ModelFailed when it does not come up.
        """
        ...

    async def unload(self, model: str, version: str = "") -> None:
        """Take no new requests for *model*, answer those that were accepted, and let its workers go.

        It stays unloaded after a restart of labd. Raises UnknownModel.
        """
        ...

    async def reload(self, model: str) -> ModelView:
        """Load it anew; the old one leaves when the new one is ready. Raises as :meth:`load`."""
        ...

    async def scale(self, model: str, workers: int) -> ModelView:
        """Have *workers* of them from now on; who leaves finishes its batch. Raises UnknownModel."""
        ...

    def statistics(self, model: str = "", version: str = "") -> Sequence[ModelStatistics]:
        """Numbers of the models that are loaded, or of one. Raises UnknownModel."""
        ...


class Loader(msgspec.Struct, frozen=True):
    """What ``loader = "NAME"`` of a model means. Since API 1.

    *module* is imported in the worker; its ``load(context)`` gives the model, see the how-to. It is found on
    *path*. *warm* are modules for a template process that the workers are forked from, on a CPU. *check*
    looks at a spec before anything starts, and raises UsageError.
    """

    name: str
    module: str
    doc: str = ""
    path: tuple[str, ...] = ()
    warm: tuple[str, ...] = ()
    check: Callable[[ModelSpec], None] | None = None
    platform: str = "python"


def size_of(tensor: Tensor) -> int | None:
    """The bytes that the shape of *tensor* asks for; None for a dtype whose elements vary."""
    size = ITEM_SIZES.get(tensor.dtype)
    return None if size is None else math.prod(tensor.shape) * size


def texts(items: Sequence[bytes]) -> bytes:
    """The data of a tensor of :data:`BYTES`."""
    return b"".join(struct.pack("<I", len(item)) + item for item in items)
