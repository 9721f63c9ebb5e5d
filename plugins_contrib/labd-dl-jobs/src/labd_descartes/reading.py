"""From the lines of a map to the ends of tasks. Pure."""

import math
from collections.abc import Iterator

import msgspec

from labd_descartes.model import BAD, GOOD, Failure, Outcome

MISMATCH = "PyVersionMismatch"
_KINDS: dict[str, Failure] = {
    "TimeLimit": "timeout", "OutOfMemory": "oom", "WorkerLost": "unknown", MISMATCH: "py_version_mismatch"
}  # fmt: skip


class Value(msgspec.Struct):
    """What the adapter returns."""

    value: msgspec.Raw = msgspec.Raw(b"null")
    memory: int = 0


class Fault(msgspec.Struct):
    type: str
    message: str
    traceback: str = ""


class Result(msgspec.Struct):
    """A line of the results of a map."""

    index: int
    seconds: float = 0.0
    result: Value | None = None
    error: Fault | None = None


class Said(msgspec.Struct):
    """A line of the logs of a map."""

    index: int
    text: str


_RESULT = msgspec.json.Decoder(Result)
_SAID = msgspec.json.Decoder(Said)


class Lines:
    """Bytes cut anywhere, as whole lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        return lines


def results(lines: list[bytes]) -> Iterator[Result]:
    return map(_RESULT.decode, lines)


def said(lines: list[bytes]) -> Iterator[Said]:
    return map(_SAID.decode, lines)


def outcome(result: Result, log: str, now: float) -> Outcome:
    """How a task ended, by its line and by what it had printed."""
    if result.error is not None:
        return failed(result.error, log, now, result.seconds)
    found = result.result or Value()
    return Outcome(
        status=GOOD, updated=now, runtime=result.seconds, memory=found.memory, value=found.value, log=log
    )


def failed(fault: Fault, log: str, now: float, seconds: float = 0.0) -> Outcome:
    """The end of a task that gave no result."""
    kind = _KINDS.get(fault.type, "exception")
    trace = fault.traceback or f"{fault.type}: {fault.message}"
    named = fault.type if kind in ("exception", "timeout", "py_version_mismatch") else None
    return Outcome(
        status=BAD, updated=now, runtime=seconds, failure=kind, exception=named, stacktrace=trace, log=log
    )


def not_made(reason: str, now: float) -> Outcome:
    """The end of a task that was never made: its map ended first."""
    return Outcome(status=BAD, updated=now, failure="internal", stacktrace=reason, log="")


def room(limit: int | None, working: int) -> float:
    """How many more tasks may be given to a run."""
    return math.inf if limit is None else max(0, limit - working)
