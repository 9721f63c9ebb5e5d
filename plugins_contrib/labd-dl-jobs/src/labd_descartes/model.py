"""What the SDK sends, and what is kept of it."""

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from labd.api import UsageError

Status = Literal["awaiting_bundle", "build_failed", "running", "terminated"]
Failure = Literal["exception", "oom", "timeout", "internal", "unknown", "py_version_mismatch"]
GOOD, BAD = "SUCCESS", "FAILURE"

MOST_TASKS = 1000
"""Tasks of one request; the SDK sends 100."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(|[kKMGT](?:i?B?))B?$")
_POWERS = {"k": 1, "K": 1, "M": 2, "G": 3, "T": 4}


class Shape(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How the tasks of a group run. Names and units are those of the SDK: seconds, and sizes as ``2Gi``."""

    image: str = ""
    name: str | None = None
    cpu: float = 1
    gpu: int = 0
    mem: str | int = "2Gi"
    worker_timeout: float | None = 1800
    maximum_concurrency: Annotated[int, Meta(ge=1)] | None = None
    minimum_concurrency: int | None = None
    minimum_seconds: float | None = None
    function_type: Literal["py_bundle", "py_pickle"] = "py_bundle"
    function_python_version: str = ""


class NewGroup(Shape, kw_only=True):
    """The body that makes a group; a pickled function is base64 text."""

    function: str | None = None


class Group(msgspec.Struct, kw_only=True):
    """A group as it is kept. ``data`` names the pieces of its files, ``secret`` lets the bundle in once."""

    id: str
    uid: int
    created: float
    updated: float
    shape: Shape
    status: Status
    secret: str = ""
    data: dict[str, list[str]] = {}
    requirements: list[str] = []
    build_log: str = ""


class Attributes(msgspec.Struct):
    labels: list[str] | None = None


class NewTask(msgspec.Struct):
    arguments: list[Any] | None = None
    parameters: dict[str, Any] | None = None
    attributes: Attributes = msgspec.field(default_factory=Attributes)
    retry_count: Annotated[int, Meta(ge=0, le=100)] = 0


class NewTasks(msgspec.Struct):
    tasks: Annotated[list[NewTask], Meta(max_length=MOST_TASKS)]


class Batch(msgspec.Struct):
    ids: Annotated[list[str], Meta(max_length=10_000)]
    include: list[str] | None = None


class Rerun(msgspec.Struct):
    task_ids: Annotated[list[str], Meta(max_length=10_000)]
    retry_count: Annotated[int, Meta(ge=0, le=100)] = 0


class Outcome(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How a task ended. ``value`` is the result as JSON; times are Unix seconds, ``memory`` bytes."""

    status: str
    updated: float
    runtime: float = 0.0
    memory: int = 0
    failure: Failure | None = None
    exception: str | None = None
    stacktrace: str | None = None
    value: msgspec.Raw = msgspec.Raw(b"")
    log: str = ""


def size_of(text: str | int) -> int:
    """``2Gi``, ``500MB`` or a number, in bytes. Raises UsageError."""
    found = _SIZE.match(str(text).strip())
    if found is None:
        raise UsageError(f"mem: {text!r} is no size", hint="write 2Gi or 500MB")
    unit = found[2]
    if not unit:
        return int(float(found[1]))
    return int(float(found[1]) * (1024 if "i" in unit else 1000) ** _POWERS[unit[0]])
