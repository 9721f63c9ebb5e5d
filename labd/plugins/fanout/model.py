"""What a map is: its spec as submitted, its record on the disk, and how clients see it."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Absolute = Annotated[str, Meta(max_length=4096, pattern=r"^/[^\x00]*$")]
Text = Annotated[str, Meta(max_length=131_072, pattern=r"^[^\x00]*$")]
Module = Annotated[str, Meta(max_length=500, pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Inside = Annotated[
    str, Meta(max_length=1000, pattern=r"^(?!\.{1,2}(/|$))[^/\x00]+(/(?!\.{1,2}(/|$))[^/\x00]+)*$")
]
"""A path below a folder, without any way out of it."""

Bound = Annotated[int, Meta(ge=-(2**53), le=2**53)]

State = Literal["open", "running", "succeeded", "failed", "cancelled"]
LIVE = ("open", "running")


class MapSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One function and what each of its calls takes. Times are seconds, sizes bytes; 0 means no limit.

    ``function`` is ``module:name``, found in ``cwd`` and ``path`` first, or with ``source`` a name in that
    text. ``kwargs`` go to every call. ``data`` are files that come along, each as the digests of its pieces,
    which were put before: workers find them in the folder ``$LABD_DATA``. ``sandbox`` is that of
    :class:`labd.api.WorkerSpec`; an isolated worker sees ``data``, ``cwd`` and ``path``.

    With ``range`` (first, last, step) call *i* gets one number of it; else each call has a line of arguments.
    ``modules`` are imported once, before workers are forked. ``engine`` is where calls are made: ``local`` is
    here, and only there are ``data`` and ``sandbox``. Without ``repeat`` a call that may have been made, and
    was lost with its worker, is an error.
    """

    function: Annotated[str, Meta(max_length=500, pattern=r"^([A-Za-z_][\w.]*:)?[A-Za-z_][\w.]*$")]
    source: Annotated[str, Meta(max_length=2**20)] | None = None
    name: Name = ""
    kwargs: dict[str, Any] = {}
    range: tuple[Bound, Bound, Annotated[int, Meta(ge=1)]] | None = None
    data: Annotated[dict[Inside, tuple[Digest, ...]], Meta(max_length=10_000)] = {}
    sandbox: Literal["limits", "isolated", "isolated+net"] = "limits"
    modules: Annotated[tuple[Module, ...], Meta(max_length=100)] = ()
    requirements: Annotated[tuple[Annotated[str, Meta(max_length=1000)], ...], Meta(max_length=500)] = ()
    python: Annotated[str, Meta(max_length=4096, pattern=r"^(/[^\x00]*)?$")] = ""
    cwd: Absolute = "/"
    path: Annotated[tuple[Absolute, ...], Meta(max_length=100)] = ()
    env: dict[Text, Text] = {}
    cpus: Annotated[float, Meta(ge=0, le=65_536)] = 1
    memory: Annotated[int, Meta(ge=0, le=2**60)] = 0
    gpus: Annotated[int, Meta(ge=0, le=1024)] = 0
    time_limit: Annotated[float, Meta(ge=0, le=315_360_000)] = 0
    concurrency: Annotated[int, Meta(ge=0, le=10_000)] = 0
    retries: Annotated[int, Meta(ge=0, le=100)] = 0
    grouped_results: bool = False
    keep_arguments: bool = False
    engine: Annotated[str, Meta(min_length=1, max_length=100)] = "local"
    repeat: bool = True

    @property
    def title(self) -> str:
        """What it is called where it has no name."""
        return self.name or self.function


class Record(msgspec.Struct, kw_only=True):
    """A map as ``map.json`` keeps it. The numbers of calls are right once it has ended."""

    id: int
    spec: MapSpec
    user: str
    uid: int
    created: float
    key: str | None = None
    state: State = "open"
    reason: str = ""
    error: dict[str, str] | None = None
    ended: float | None = None
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    repeated: int = 0
    round: int = 0

    @property
    def live(self) -> bool:
        return self.state in LIVE


class MapView(msgspec.Struct, frozen=True, kw_only=True):
    """A map as clients see it. Fields are only ever added. Times are Unix seconds."""

    id: int
    name: str
    function: str
    state: State
    user: str
    uid: int
    total: int
    succeeded: int
    failed: int
    in_work: int
    repeated: int
    workers: int
    rate: float | None
    eta: float | None
    created: float
    ended: float | None
    reason: str
    error: dict[str, str] | None
    round: int
    grouped_results: bool
    engine: str = "local"


def count(bounds: tuple[int, int, int]) -> int:
    """How many numbers (first, last, step) is."""
    first, last, step = bounds
    return (last - first) // step + 1 if last >= first else 0
