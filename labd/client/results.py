"""Results as they come: lines of ndjson to objects, and into the order of their calls. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from labd.errors import WorkerError


class CallFailed(WorkerError):
    """A call of a map raised. ``index`` says which, ``type`` and ``traceback`` what."""

    title = "a call failed"

    def __init__(self, index: int, error: dict[str, Any]) -> None:
        super().__init__(f"call {index}: {error['type']}: {error['message']}")
        self.index, self.type = index, str(error["type"])
        self.traceback = str(error.get("traceback", ""))


class MapFailed(WorkerError):
    """A map ended before all of its calls were made: cancelled, or its function cannot be called."""

    title = "a map failed"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one call. ``error`` is a map with ``type``, ``message`` and ``traceback``, or None.

    ``attempt`` above 1 says that it was repeated, ``seconds`` how long the last attempt took.
    """

    index: int
    result: Any
    error: dict[str, Any] | None
    attempt: int
    seconds: float
    worker: str
    args: Any = None

    def value(self) -> Any:
        """The result. Raises CallFailed."""
        if self.error is not None:
            raise CallFailed(self.index, self.error)
        return self.result


class Stream:
    """Bytes of ndjson, cut anywhere, to results."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Result]:
        """The results whose lines are complete now."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return (parse(line) for line in lines)


def parse(line: bytes) -> Result:
    """The result on one line."""
    found = json.loads(line)
    return Result(
        found["index"], found.get("result"), found.get("error"), found["attempt"], found["seconds"],
        found["worker"], found.get("args"),
    )  # fmt: skip


class Sorter:
    """Gives results back in the order of their calls; those that came too early wait."""

    def __init__(self) -> None:
        self._next = 0
        self._early: dict[int, Result] = {}

    def put(self, result: Result) -> Iterator[Result]:
        """The results whose turn it is now."""
        self._early[result.index] = result
        while self._next in self._early:
            yield self._early.pop(self._next)
            self._next += 1
