"""Who is owed a notification of what, and what it says. Pure."""

from typing import Any

import msgspec

from labd.api.jobs import Notify
from labd.api.node import Event
from labd.daemon.events import as_map
from labd.daemon.notices.text import SAID, sentence
from labd.jobs.model import ENDED, Job
from labd.jobs.views import view

VERSION = 1
"""The version of a message; fields are only ever added to one."""

KINDS = frozenset(SAID)
"""The events that somebody can ask to be told of."""

GROUPS = {
    "ended": frozenset(f"job.{state}" for state in ENDED),
    "failed": frozenset({"job.failed", "job.timed_out", "job.lost"}),
}
"""What counts only when no further attempt follows by itself."""

LONGEST_DELAY = 3600.0
"""Seconds: no try waits longer for the one before it."""


class Origin(msgspec.Struct, frozen=True):
    """Where messages come from: the machine, and this life of the event log."""

    host: str
    epoch: str


class Notice(msgspec.Struct, frozen=True):
    """One message for one target; *id* is the same however often it is sent."""

    id: str
    target: str
    message: dict[str, Any]


def wants(wish: Notify, event: Event) -> bool:
    """Whether *event* is what somebody wants to be told of."""
    if wish.when in GROUPS:
        return event.kind in GROUPS[wish.when] and not event.data.get("again")
    if wish.when == "started" and event.kind == "job.array_started":
        return True
    return event.kind == f"job.{wish.when}"


def owed(event: Event, job: Job, origin: Origin) -> list[Notice]:
    """One notice for each target that is to hear of *event*, which happened to *job*."""
    targets = dict.fromkeys(wish.target for wish in job.spec.notify if wants(wish, event))
    return [_notice(f"{origin.epoch}-{event.seq}-{name}", name, event, job, origin) for name in targets]


def _notice(number: str, target: str, event: Event, job: Job, origin: Origin) -> Notice:
    message = {
        "version": VERSION,
        "id": number,
        "host": origin.host,
        "target": target,
        "text": sentence(event, job),
        "event": as_map(event),
        "job": msgspec.to_builtins(view(job)),
    }
    return Notice(number, target, message)


def trial(target: str, number: str, who: str, origin: Origin) -> dict[str, Any]:
    """The message of ``labctl notify test``: like all others, but about no job."""
    text = f"{who} tries the target {target} of labd on {origin.host}: it works"
    head = {"version": VERSION, "id": number, "host": origin.host, "target": target, "text": text}
    return head | {"event": None, "job": None}


def delay_after(tries: int, first: float) -> float:
    """Seconds to wait after so many tries have failed, the first wait being *first*."""
    return float(min(first * 2 ** min(tries - 1, 64), LONGEST_DELAY))
