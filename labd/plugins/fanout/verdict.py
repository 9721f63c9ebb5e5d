"""From what a task left to what is known of its calls. Pure; nothing that it wrote is taken on trust."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from labd.plugins.fanout import outcomes
from labd.plugins.fanout.outcomes import Fault, Outcome, WrongOutcome
from labd.plugins.fanout.tasks import Left

_LINE = msgspec.json.Decoder()
OUT_OF_TIME = "Timeout ("
"""What the interpreter says when it ends a call that goes on over its time limit."""


class Verdict(NamedTuple):
    """Of the calls of a task: ``found`` are done; ``suspect`` were in work when it ended, for the reason
    ``kind`` and ``said``; ``maybe`` may have been made; ``fresh`` were never begun. ``broken`` is why it made
    none, ``fault`` what its code raised then.
    """

    found: list[Outcome]
    suspect: list[int] = []  # noqa: RUF012 - a NamedTuple
    maybe: list[int] = []  # noqa: RUF012
    fresh: list[int] = []  # noqa: RUF012
    kind: str = ""
    said: str = ""
    broken: str = ""
    fault: Fault | None = None

    @property
    def left(self) -> list[int]:
        """All that is not done."""
        return [*self.suspect, *self.maybe, *self.fresh]

    @property
    def blameless(self) -> "Verdict":
        """The same when no call can have been the reason."""
        return self._replace(suspect=[], maybe=[*self.suspect, *self.maybe])


def judge(left: Left, waiting: Sequence[int], known: set[int], why: str = "") -> Verdict:
    """What became of the calls *waiting*, in the order in which they were to be made. *known* are those of
    the same task that were recorded before. *why* is what the engine says of its end.
    """
    told = [value for line in left.lines if not _is_of(value := _decoded(line), known)]
    if (fault := _failed(told)) is not None:
        return Verdict([], fresh=list(waiting), broken=f"{fault.type}: {fault.message}", fault=fault)
    try:
        found = outcomes.checked(told, set(waiting))
    except WrongOutcome as error:
        return Verdict([], maybe=list(waiting), kind="WorkerLost", said=f"it told what cannot be: {error}")
    done = {outcome.call for outcome in found}
    rest = [call for call in waiting if call not in done]
    if left.end is None:
        return Verdict(found, rest[:1], rest[1:], kind="WorkerLost", said=why or "its task is lost")
    if left.end.reason == "exec_failed":
        return Verdict(found, fresh=rest, broken=left.end.message)
    kind, said = _why(left, why)
    return Verdict(found, rest[:1], fresh=rest[1:], kind=kind, said=said)


def _why(left: Left, ended: str) -> tuple[str, str]:
    end, log = left.end, left.log
    assert end is not None
    if end.reason == "timed_out" or OUT_OF_TIME in log:
        return "TimeLimit", "the call went on over its time limit"
    if end.reason == "out_of_memory":
        return "OutOfMemory", end.message or "the call used more memory than it may"
    told = end.reason == "cancelled" or end.signal is not None
    if told and ended:
        return "WorkerLost", ended
    if end.reason == "cancelled":
        return "WorkerLost", "its task was cancelled at the engine"
    how = f"signal {end.signal}" if end.signal else f"exit code {end.exit_code}"
    last = f"; it said: {log.splitlines()[-1]}" if log else ""
    return "WorkerLost", f"its task ended with {how}{last}"


def _failed(told: list[Any]) -> Fault | None:
    """Why the function could not be loaded, if that is so."""
    if told and isinstance(told[0], dict):
        try:
            return msgspec.convert(told[0].get("failed"), Fault)
        except msgspec.ValidationError:
            return None
    return None


def _is_of(value: Any, calls: set[int]) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], int) and value[0] in calls


def _decoded(line: bytes) -> Any:
    try:
        return _LINE.decode(line)
    except msgspec.DecodeError:
        return None
