"""The text of each unit for this installation, and whether a unit that is there may be replaced. Pure.

The last line of an installed unit is a digest of all before it. So a unit that somebody edited is known
from one that another version of labd wrote.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Literal

State = Literal["absent", "current", "outdated", "edited"]
"""``outdated``: written by `labd service install` with another text than this labd would write."""

SYSTEM = {"labd.service": "labd.service", "labd.socket": "labd.socket"}
USER = {"labd.service": "user.service", "labd.socket": "user.socket"}
MULTI_USER = {"labd.service.d/multi-user.conf": "multi-user.conf"}
"""Where each unit lies in the folder of units, and the template that it is made of."""

NAMES = tuple(SYSTEM | MULTI_USER)

_USUAL = "ExecStart=/usr/local/bin/labd run\n"
_STAMP = "# written by `labd service install`, sha256 "


def wanted(command: Sequence[str], *, user: bool, multi_user: bool) -> dict[str, str]:
    """Every unit by its path: those of a user or of the system; *command* starts the daemon."""
    chosen = USER if user else SYSTEM | (MULTI_USER if multi_user else {})
    return {name: stamped(template(file, command)) for name, file in chosen.items()}


def template(file: str, command: Sequence[str]) -> str:
    """The unit in *file*, starting labd by *command*; without the head that says how to install it."""
    text = files(__package__).joinpath(file).read_text("utf-8")
    return _without_install(text).replace(_USUAL, f"ExecStart={' '.join(map(quoted, command))}\n")


def _without_install(text: str) -> str:
    return re.sub(r" Install:\n(?:# .*\n)+?(?=#\n|\n|# (?:It costs))", "\n", text, count=1)


def quoted(word: str) -> str:
    """*word* as systemd reads it on a command line."""
    plain = word.replace("%", "%%").replace("$", "$$")
    if re.fullmatch(r"[\w@%+=:,./$-]+", plain):
        return plain
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def stamped(text: str) -> str:
    """*text* with the line that tells whether it was edited since."""
    return f"{text}\n{_STAMP}{_digest(text)}\n"


def state(found: str | None, new: str) -> State:
    """How the unit *found* (None: there is none) stands beside the *new* one."""
    if found is None:
        return "absent"
    if found == new:
        return "current"
    return "outdated" if is_ours(found) else "edited"


def is_ours(found: str) -> bool:
    """Whether nobody has changed the unit since it was installed."""
    text, stamp, digest = found.rpartition(f"\n{_STAMP}")
    return bool(stamp) and digest.strip() == _digest(text)


def states(found: Mapping[str, str | None], new: Mapping[str, str]) -> dict[str, State]:
    """The state of each unit in *new*."""
    return {name: state(found.get(name), text) for name, text in new.items()}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
