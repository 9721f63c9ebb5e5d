"""What the methods ``job.*`` are asked with."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from labd.api.jobs import JobSpec
from labd.jobs import logs, metrics
from labd.jobs.series import LEAST

JobRef = int | str
MAX_LIST = 5000


class Submit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    spec: JobSpec
    key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    dry_run: bool = False


class List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    states: tuple[str, ...] | None = None
    user: str | None = None
    name: str | None = None
    tag: str | None = None
    group: str | None = None
    before: int | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_LIST)] = 100
    order: Literal["newest", "start"] = "newest"


class Tasks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: JobRef
    states: tuple[str, ...] | None = None
    above: Annotated[int, Meta(ge=0)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_LIST)] = 1000


class One(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: JobRef


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: JobRef
    dry_run: bool = False


class Wait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    jobs: Annotated[tuple[JobRef, ...], Meta(min_length=1, max_length=5000)]
    timeout: Annotated[float, Meta(ge=0)] | None = None


class Find(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    jobs: Annotated[tuple[JobRef, ...], Meta(min_length=1, max_length=5000)]


class Cancel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: JobRef
    reason: Annotated[str, Meta(max_length=1000)] = ""
    dry_run: bool = False


class Prioritise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: JobRef
    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)]
    dry_run: bool = False


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: JobRef
    attempt: int | None = None
    offset: int = 0
    limit: Annotated[int, Meta(ge=1, le=logs.MAX_CHUNK)] = 65_536
    wait: bool = False


class OfAttempt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: JobRef
    attempt: int | None = None


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: JobRef
    attempt: int | None = None
    names: Annotated[tuple[str, ...], Meta(max_length=metrics.MAX_SERIES)] | None = None
    points: Annotated[int, Meta(ge=LEAST, le=metrics.MAX_POINTS)] = 400
