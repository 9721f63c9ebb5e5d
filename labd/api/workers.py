"""Child processes that run foreign code: what a plugin says of one, and what it gets."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import msgspec
from msgspec import Meta

from labd.api.services import Restart
from labd.blocks import Block as Block
from labd.errors import LabdError

ALWAYS = Restart(when="always")
"""How a pool replaces its workers unless it is told otherwise."""

Sandbox = Literal["none", "limits", "isolated", "isolated+net"]
"""``none``: a process as any of the daemon's user. ``limits``: no new privileges, and the limits of the
spec. ``isolated``: also a system of its own, without network, homes and others' processes.
``isolated+net``: the same with the machine's network. Where bubblewrap is missing, neither is for ``warm``
workers, nor for those of root."""

Handler = Callable[..., Awaitable[Any]]
"""``async def handler(**params)``: answers a request of the worker's code."""

Listener = Callable[[str, dict[str, Any]], object]
"""``listener(method, params)``: hears what the worker's code tells; must not block."""

Answered = Callable[[Any, LabdError | None], object]

Amount = Annotated[int, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]


class WorkerState(StrEnum):
    """Where a worker, or a pool of them, stands; ``failed`` and ``stopped`` are ends."""

    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    BACKOFF = "backoff"
    FAILED = "failed"
    STOPPED = "stopped"


class WorkerSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A worker that is wanted. Times are seconds, sizes bytes; 0 means no limit.

    ``target`` is ``module`` or ``module:name``, found on ``path`` first. A module, or an object, offers
    its public functions. A class or a function is called once in the child, with ``arguments``; what it
    returns offers its public methods.

    ``python`` is another interpreter (3.11 or newer, of a virtual environment too); empty: the daemon's.
    ``warm`` are modules that a template process imports once; each worker is forked from it within
    milliseconds. Workers of one template share its sandbox.

    ``cpus``, ``memory``, ``gpus`` (a count, or a part of one), ``gpu_ids`` and ``vram`` are leased from the
    ledger before the start. With a sandbox other than
    ``none`` memory is also a limit on all processes of the worker together; so are ``processes``.
    ``cpu_time`` and ``files`` (open at once) count for each process by itself, ``file_size`` for each file.

    ``user`` is whom it runs as; empty: the daemon's own user. A daemon of root needs it for workers that
    are not isolated. ``read`` and ``write`` are the paths that an isolated worker may see besides its
    interpreter and ``path``.

    ``call_timeout`` is for calls that name none. Who does not answer is told, and killed after ``grace``.
    ``shared`` bytes each way are for arrays; ``max_message`` is the longest message without them.
    ``output`` is a file that standard output and error go to, instead of the plugin's log. ``blocks``: arrays
    come as :class:`Block`, which has their bytes, and the daemon needs no numpy.
    """

    target: Annotated[str, Meta(pattern=r"^[A-Za-z_][\w.]*(:[A-Za-z_][\w.]*)?$")]
    arguments: dict[str, Any] = {}
    name: Annotated[str, Meta(pattern=r"^[\w.-]*$", max_length=64)] = ""
    python: str = ""
    path: tuple[str, ...] = ()
    warm: tuple[str, ...] = ()
    cwd: str = "/"
    env: dict[str, str] = {}
    user: str = ""
    sandbox: Sandbox = "limits"
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    cpus: Annotated[float, Meta(ge=0)] = 0
    memory: Amount = 0
    gpus: Annotated[float, Meta(ge=0)] = 0
    gpu_ids: tuple[Amount, ...] = ()
    vram: Amount = 0
    cpu_time: Amount = 0
    files: Amount = 0
    file_size: Amount = 0
    processes: Amount = 0
    start_timeout: Positive = 30.0
    call_timeout: Positive | None = None
    grace: Annotated[float, Meta(ge=0)] = 1.0
    shared: Annotated[int, Meta(ge=0, le=2**40)] = 64 * 2**20
    max_message: Annotated[int, Meta(ge=2**16, le=2**31)] = 64 * 2**20
    output: str = ""
    blocks: bool = False


class Ending(NamedTuple):
    """How a worker ended: ``reason`` in words, its exit code or signal, and what it used."""

    reason: str
    exit_code: int | None = None
    signal: int | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int | None = None


class WorkerStatistics(NamedTuple):
    """A worker in numbers. ``shared_held``: bytes of arrays that its code still holds."""

    name: str
    state: WorkerState
    pid: int
    calls: int
    failed: int
    seconds: float
    bytes_sent: int
    bytes_received: int
    shared_held: int
    lines_left_out: int
    gpu_ids: tuple[int, ...]


class PoolStatistics(NamedTuple):
    """A pool in numbers."""

    size: int
    idle: int
    busy: int
    waiting: int
    restarts: int
    last_error: str


class Worker(Protocol):
    """One child. It takes one call at a time; others wait in line."""

    @property
    def name(self) -> str: ...

    @property
    def pid(self) -> int:
        """Of its main process; 0 before it began. From an isolated template, as that numbers them."""
        ...

    @property
    def state(self) -> WorkerState: ...

    async def call(self, method: str, /, *, timeout: float | None = None, **params: Any) -> Any:
        """The answer of *method*. Raises WorkerError for what its code raised, WorkerLost, DeadlineExceeded,
        UsageError for what cannot travel.
        """
        ...

    def submit(self, done: Answered, method: str, /, **params: Any) -> Callable[[], None]:
        """Call *method* without waiting: ``done(answer, None)``, or ``done(None, error)``, later and once.

        For those who count microseconds: there is no task, and no limit but the caller's, who kills it.
        *done* must not block, nor raise. What is returned gives the call up, as a cancelled ``call`` is.
        Raises Conflict while another call runs, WorkerLost, UsageError.
        """
        ...

    def notify(self, method: str, /, **params: Any) -> None:
        """Tell *method* without an answer. Raises WorkerLost, Overloaded when it takes nothing."""
        ...

    async def wait_for(self, *states: WorkerState) -> WorkerState:
        """The state, once it is one of *states* or an end."""
        ...

    async def wait_ended(self) -> Ending:
        """How it ended, once it has."""
        ...

    def kill(self, reason: str = "") -> None:
        """End it and all that it started, now."""
        ...

    def statistics(self) -> WorkerStatistics: ...


class Pool(Protocol):
    """Equal workers that are replaced when they end."""

    @property
    def state(self) -> WorkerState: ...

    async def call(self, method: str, /, *, timeout: float | None = None, **params: Any) -> Any:
        """The answer of the next idle worker. Raises as Worker.call; never repeats by itself."""
        ...

    async def wait_for(self, *states: WorkerState) -> WorkerState:
        """The state, once it is one of *states* or an end."""
        ...

    def statistics(self) -> PoolStatistics: ...


class Workers(Protocol):
    """Where a plugin gets children from. Each lasts as long as its ``async with``."""

    def start(
        self,
        spec: WorkerSpec,
        *,
        methods: Mapping[str, Handler] | None = None,
        listen: Listener | None = None,
    ) -> AbstractAsyncContextManager[Worker]:
        """A worker that is ready. *methods* are what its code may ask for, *listen* hears its notices.

        Raises UsageError for a wrong spec, Refused for a sandbox or resources that this machine does not
        have, WorkerLost when it does not come up.
        """
        ...

    def keep(
        self,
        size: int,
        spec: WorkerSpec,
        *,
        restart: Restart = ALWAYS,
        methods: Mapping[str, Handler] | None = None,
        listen: Listener | None = None,
    ) -> AbstractAsyncContextManager[Pool]:
        """A pool of *size* workers, each replaced when it ends; those that can start do so at once."""
        ...
