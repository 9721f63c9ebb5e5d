"""What a job is to whoever submits one, and what a plugin's job kind is."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Argument = Annotated[str, Meta(max_length=131_072, pattern=r"^[^\x00]*$")]
Path = Annotated[str, Meta(min_length=1, max_length=4096, pattern=r"^/[^\x00]*$")]
Seconds = Annotated[float, Meta(ge=0, le=315_360_000)]
"""A duration; at most ten years, so that sums stay exact."""
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256, as the name of a blob."""


class Dependency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another job that must have ended: ``ok`` well, ``failed`` otherwise, ``any`` in whatever way."""

    job: Annotated[int, Meta(ge=1)]
    when: Literal["ok", "failed", "any"] = "ok"


Index = Annotated[int, Meta(ge=0, le=2**53)]
Step = Annotated[int, Meta(ge=1, le=2**53)]


class ArraySpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The tasks of an array: one for each index of ``ranges``, which are (first, last, step).

    At most ``limit`` of them run at once (0: as many as fit). With ``items``, the digest of a blob that
    holds one line for each task, a task finds its line in ``LABD_TASK`` and in place of ``{task}`` in
    its arguments; with ``json`` each line is a JSON object, and ``{task.NAME}`` one of its values.
    """

    ranges: Annotated[tuple[tuple[Index, Index, Step], ...], Meta(min_length=1, max_length=1000)]
    limit: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    items: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""
    json: bool = False

    @property
    def count(self) -> int:
        """How many tasks there are."""
        return sum((last - first) // step + 1 for first, last, step in self.ranges if last >= first)


When = Literal[
    "ended", "failed", "succeeded", "timed_out", "lost", "cancelled", "started",
    "submitted", "starting", "adopted", "never_began", "queued", "held", "released", "blocked", "unblocked",
    "prioritised", "paused", "resumed", "requeue_requested", "cancel_requested",
]  # fmt: skip
"""Of what somebody wants to be told: ``ended``, ``failed``, or an event of jobs without its ``job.``."""


class Notify(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told of what. ``ended`` and ``failed`` (also timed out, or lost) wait for the last attempt."""

    target: Annotated[str, Meta(min_length=1, max_length=64)]
    when: When = "ended"


class Code(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A tree of files as it was at submit. *manifest* and *diff* are digests of blobs.

    ``root`` is where the tree was; a job whose ``cwd`` is in it runs at the same place of its own copy.
    ``commit``, ``branch``, ``remote`` (without credentials) and ``diff`` (from the commit to the tree) say
    where it comes from, as far as it was in git. ``bytes`` is the size of its ``files``.
    """

    manifest: Digest
    root: Path
    files: Annotated[int, Meta(ge=0)]
    bytes: Annotated[int, Meta(ge=0)]
    commit: Name = ""
    branch: Name = ""
    remote: Annotated[str, Meta(max_length=2000, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    diff: Digest | None = None


class JobSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to run, where, with what, and how often. Checked whole before anything is stored.

    ``argv`` is the program and its arguments. With ``script`` (the text of a program that starts with
    ``#!``, or of a shell script) the text is kept with the job and ``argv`` holds its arguments alone.
    ``cwd`` is an absolute path. ``env`` is the whole environment of the job: labd adds its own names
    and takes nothing from the daemon's. ``cpus`` are cores (fractions allowed), ``memory`` bytes,
    ``gpus`` a count, or a part of one GPU (below 1, in thousandths), ``gpu_ids`` the indices wanted,
    ``vram`` bytes of the memory of each of its GPUs, which it then shares with others. Times are seconds;
    a ``time_limit`` of 0 means none.
    ``retry_on`` narrows retries to these exit codes. With ``hold`` the job waits for a release; it starts
    not before ``begin`` (Unix seconds) nor before the jobs in ``after`` have ended as asked. Jobs of one
    ``group`` share the limit that the configuration gives it. A ``preemptible`` job is ended and queued again
    when one of a higher priority needs what it has. With ``array`` the job stands for many tasks,
    each of which is a job with all of this. With ``code`` the job runs in a copy of a tree that was uploaded
    before. ``notify`` names targets of the configuration that are told what becomes of the job. What is None
    gets the default of the section ``[jobs]`` of the configuration.
    """

    argv: Annotated[tuple[Argument, ...], Meta(max_length=65_536)] = ()
    script: Annotated[str, Meta(max_length=262_144)] | None = None
    kind: Name = "command"
    params: dict[str, Any] = {}
    name: Name = ""
    cwd: Path = "/"
    env: dict[Argument, Argument] = {}
    cpus: Annotated[float, Meta(ge=0, le=65_536)] | None = None
    memory: Annotated[int, Meta(ge=0, le=2**60)] | None = None
    gpus: Annotated[int, Meta(ge=0, le=1024)] | Annotated[float, Meta(ge=0, le=1024)] = 0
    gpu_ids: Annotated[tuple[Annotated[int, Meta(ge=0)], ...], Meta(max_length=1024)] = ()
    vram: Annotated[int, Meta(ge=0, le=2**60)] = 0
    time_limit: Seconds | None = None
    grace: Seconds | None = None
    retries: Annotated[int, Meta(ge=0, le=1000)] = 0
    retry_delay: Seconds = 0.0
    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] = 0
    retry_on: Annotated[tuple[Annotated[int, Meta(ge=0, le=255)], ...], Meta(max_length=256)] = ()
    hold: bool = False
    begin: Annotated[float, Meta(ge=0, le=1e11)] | None = None
    after: Annotated[tuple[Dependency, ...], Meta(max_length=1000)] = ()
    group: Name = ""
    tags: Annotated[tuple[Name, ...], Meta(max_length=64)] = ()
    array: ArraySpec | None = None
    preemptible: bool = False
    notify: Annotated[tuple[Notify, ...], Meta(max_length=64)] = ()
    code: Code | None = None


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job as ``labctl --json`` shows it. Fields are only ever added. Times are Unix seconds.

    ``tasks`` of an array: how many wait, run, and have ended in each way. ``array`` and ``index`` of a task:
    the id of its array, and its own index in it.
    """

    id: int
    name: str
    kind: str
    state: str
    user: str
    uid: int
    priority: int
    argv: tuple[str, ...]
    cwd: str
    cpus: float
    memory: int
    gpus: float
    gpu_ids: tuple[int, ...]
    vram: int
    time_limit: float | None
    retries: int
    retry_on: tuple[int, ...]
    begin: float | None
    after: tuple[Dependency, ...]
    group: str
    tags: tuple[str, ...]
    notify: tuple[Notify, ...]
    attempt: int
    submitted: float
    started: float | None
    ended: float | None
    exit_code: int | None
    signal: int | None
    reason: str
    progress: float | None
    metrics: dict[str, float]
    eta: float | None
    waiting_for: str
    tasks: dict[str, int] | None = None
    array: int | None = None
    index: int | None = None
    preemptible: bool = False
    warning: str = ""


class JobKind(msgspec.Struct, frozen=True):
    """A way to say what to run other than by a command line.

    ``build`` is ``build(params, spec) -> spec``: a plain function, called once at submit with the
    checked ``params`` and the spec as sent; it returns the spec that will run (usually the same with
    another ``argv``, by ``msgspec.structs.replace``). It runs on the loop: no I/O, nothing slow. It raises
    :class:`labd.api.UsageError` to refuse. ``--param`` sends text, which becomes a number or a truth value
    where ``params`` has such a field. Since API 1.
    """

    name: str
    build: Callable[[Any, JobSpec], JobSpec]
    params: type[msgspec.Struct]
    doc: str = ""
