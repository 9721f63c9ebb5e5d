"""Events in the log, with their fields: what the journal is searched by."""

import logging
from collections.abc import Iterable

from labd.api.node import Event

log = logging.getLogger("labd.events")

LEVELS = {"job.failed": logging.INFO, "job.timed_out": logging.INFO, "job.lost": logging.WARNING}
"""The rest is told at the level debug: a busy machine has thousands a minute."""


def tell(events: Iterable[Event]) -> None:
    """Log each one that the level lets through."""
    for event in events:
        level = LEVELS.get(event.kind, logging.DEBUG)
        if log.isEnabledFor(level):
            log.log(level, "%s", _line(event), extra=_about(event))


def _line(event: Event) -> str:
    about = f"job {event.data['job']} {event.kind[4:]}" if event.kind.startswith("job.") else event.kind
    return f"{about.replace('_', ' ')}: {event.cause}" if event.cause else about.replace("_", " ")


def _about(event: Event) -> dict[str, object]:
    job, attempt = event.data.get("job"), event.data.get("attempt")
    return {"event": event.kind, "job": job, "attempt": attempt}
