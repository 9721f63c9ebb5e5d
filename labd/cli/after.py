"""What a job comes after, as ``--after`` takes it: ``12``, ``12:failed,train:any``."""

import argparse
from typing import Any, NamedTuple

from labd.cli.refs import Calls, number

WHEN = ("ok", "any", "failed")
"""The other job succeeded; it ended, however; it did not succeed."""


class After(NamedTuple):
    job: str
    when: str


def after(text: str) -> list[After]:
    """Jobs as they were named. Raises ArgumentTypeError."""
    return [_one(part.strip()) for part in text.split(",")]


def _one(text: str) -> After:
    """The last colon counts: a name may hold others."""
    job, colon, when = text.rpartition(":")
    if not colon:
        job, when = text, "ok"
    if not job:
        raise argparse.ArgumentTypeError(f'"{text}" names no job: write a job, as in 12 or train:any')
    if when not in WHEN:
        raise argparse.ArgumentTypeError(
            f'"{text}": write :ok, :any or :failed after the job, as in 12:failed'
        )
    return After(job, when)


def resolved(calls: Calls, found: list[After]) -> list[dict[str, Any]]:
    """As the spec has it, with ids. Raises NotFound, and UsageError for what several jobs share."""
    return [{"job": number(calls, one.job), "when": one.when} for one in found]
