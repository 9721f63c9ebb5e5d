"""What a keeper says of an end, in words. Pure."""

import json
import signal
from typing import Any

from labd.api.workers import Ending

LOST = Ending("its keeper died")

_SAID = {
    "out_of_memory": "it used more memory than it may",
    "processes": "it had more processes than it may",
    "told": "it was killed",
}


def read(packet: bytes) -> dict[str, Any]:
    """The map in *packet*; empty for what is none: inside a template a keeper can be tampered with."""
    try:
        found = json.loads(packet)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def ending(said: dict[str, Any], asked: str, *, walled: bool) -> Ending:
    """How it ended. *asked* is why we killed it, if we did; *walled*: bubblewrap passed the end on."""
    code: int | None = _whole(said.get("exit_code"))
    signum: int | None = _whole(said.get("signal"))
    if walled and code is not None and 128 < code < 160:
        signum, code = code - 128, None
    return Ending(
        _reason(said, asked, code, signum),
        code,
        signum,
        _number(said.get("seconds")),
        _number(said.get("cpu_seconds")),
        _whole(said.get("peak_memory")),
    )


def _reason(said: dict[str, Any], asked: str, code: int | None, signum: int | None) -> str:
    why, reason = str(said.get("why") or ""), str(said.get("reason"))
    if reason == "told" and asked:
        return asked
    if reason in _SAID:
        return f"{_SAID[reason]}: {why}" if why else _SAID[reason]
    if reason != "exited":
        return reason
    if signum == signal.SIGXCPU:
        return "it used more processor time than it may"
    return f"killed by {_name(signum)}" if signum else f"it left with exit code {code}"


def _name(signum: int) -> str:
    try:
        return signal.Signals(signum).name
    except ValueError:
        return f"signal {signum}"


def _whole(value: object) -> int | None:
    return value if type(value) is int else None


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
