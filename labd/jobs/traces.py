"""What attempt folders tell of jobs that the store does not know, or knows as they were earlier."""

from typing import NamedTuple

import msgspec

from labd.jobs import attempts
from labd.jobs.attempts import Finding
from labd.jobs.model import Job
from labd.jobs.shim import marks

_decode = msgspec.json.Decoder(Job).decode


class Trace(NamedTuple):
    """One attempt: the record of its job when it was launched, and what became of it."""

    number: int
    job: Job
    finding: Finding


class Traces(NamedTuple):
    """All attempts of a job that could be read, oldest first, and the folders that could not."""

    found: list[Trace]
    unreadable: list[str]


def read(state_dir: str, job: int, numbers: list[int]) -> Traces:
    """The attempts *numbers* of *job*."""
    traces = Traces([], [])
    for number in numbers:
        folder = attempts.folder(state_dir, job, number)
        try:
            traces.found.append(_trace(folder, job, number))
        except (OSError, ValueError) as error:
            traces.unreadable.append(f"{folder} ({error})")
    return traces


def environment(state_dir: str, job: int, number: int) -> dict[str, str]:
    """The environment with which an attempt began, without what labd told it; empty if it is unreadable."""
    try:
        order = marks.read(attempts.folder(state_dir, job, number), marks.ORDER) or {}
        env = msgspec.convert(order.get("env", {}), dict[str, str])
    except (OSError, ValueError):
        return {}
    return {name: value for name, value in env.items() if not name.startswith("LABD_")}


def _trace(folder: str, job: int, number: int) -> Trace:
    order = marks.read(folder, marks.ORDER)
    if order is None:
        raise FileNotFoundError(f"there is no {marks.ORDER}")
    record = _decode(str(order.get("record", "")))
    if (record.id, record.attempt) != (job, number):
        raise ValueError(f"its {marks.ORDER} is about attempt {record.attempt} of job {record.id}")
    return Trace(number, record, attempts.inspect(folder))
