"""From what a worker says of its calls to lines of ndjson. Pure; nothing that it says is taken on trust."""

from collections.abc import Set
from typing import Any, NamedTuple

import msgspec

_RAW = msgspec.json.Decoder(msgspec.Raw)


class Fault(msgspec.Struct):
    """Why a call failed."""

    type: str
    message: str
    traceback: str = ""


_FAULT = msgspec.json.Decoder(Fault)


class Outcome(msgspec.Struct, array_like=True, frozen=True):
    """What became of one call: ``text`` is its result or its :class:`Fault`, as JSON."""

    call: int
    seconds: float
    good: bool
    text: str
    said: str


class WrongOutcome(Exception):
    """A worker said what cannot be."""


class Lines(NamedTuple):
    """What is to be written of some outcomes."""

    results: bytes
    logs: bytes


def checked(told: Any, waiting: set[int]) -> list[Outcome]:
    """The outcomes in *told*, each of another call of *waiting*. Raises WrongOutcome."""
    try:
        outcomes = msgspec.convert(told, list[Outcome])
        for outcome in outcomes:
            if outcome.good:
                _RAW.decode(outcome.text)
            else:
                _FAULT.decode(outcome.text)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeError) as error:
        raise WrongOutcome(str(error)) from None
    calls = {outcome.call for outcome in outcomes}
    if len(calls) < len(outcomes) or not calls <= waiting or any("\n" in o.text for o in outcomes):
        raise WrongOutcome("it told of calls that it did not get, or twice of one")
    return outcomes


def line(outcome: Outcome, attempt: int, worker: str, arguments: bytes | None = None) -> bytes:
    """The line of one outcome that is final."""
    what = "result" if outcome.good else "error"
    args = f'"args":{arguments.decode()},' if arguments is not None else ""
    return (
        f'{{"index":{outcome.call},{args}"{what}":{outcome.text},"attempt":{attempt},'
        f'"seconds":{outcome.seconds:.6f},"worker":"{worker}"}}\n'
    ).encode()


def log(outcome: Outcome, attempt: int) -> bytes:
    """The line of what a call printed; nothing when it was silent."""
    if not outcome.said:
        return b""
    text = {"index": outcome.call, "attempt": attempt, "text": outcome.said}
    return msgspec.json.encode(text) + b"\n"


def last_words(found: Any, waiting: Set[int]) -> list[Outcome]:
    """What a worker said of the call and the output of a dead one; nothing where that cannot be."""
    match found:
        case [int(call), str(said)] if said and call in waiting:
            return [Outcome(call, 0.0, False, "", said)]
    return []


def fault(call: int, kind: str, message: str, seconds: float = 0.0) -> Outcome:
    """The outcome of a call that its worker did not survive."""
    return Outcome(call, seconds, False, msgspec.json.encode(Fault(kind, message)).decode(), "")
