"""The mark in a task's folder: which array of Slurm's it is in. It is durable before sbatch is run, so that a
task is found again whatever dies meanwhile. Everything here blocks.
"""

import os
import signal
import time
from typing import NamedTuple

import msgspec

from labd.api import Task
from labd.api.engines import deliver, standing, void

MARK, SAID = "engine.slurm", "engine.out"
LONGEST = 240
"""Characters of a message in an exit record, and of what a runner said."""


class Mark(msgspec.Struct, frozen=True):
    """The task is number ``index`` of the array ``name``, made at ``made`` (Unix seconds)."""

    name: str
    index: int
    made: float

    @property
    def since(self) -> str:
        """From when on Slurm's accounts may know it."""
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(self.made - 3600))


class End(msgspec.Struct, frozen=True):
    """What is read of an exit record."""

    reason: str = ""
    signal: int | None = None


class Look(NamedTuple):
    """What the folder of a task shows; ``told``: it ended since somebody told it to."""

    found: str
    told: bool = False


def put(task: Task, mark: Mark) -> None:
    """Leave *mark*. Raises OSError."""
    deliver(task.folder, {MARK: msgspec.json.encode(mark)})


def read(task: Task) -> Mark | None:
    """The mark of *task*; None when it was never given to sbatch."""
    try:
        with open(os.path.join(task.folder, MARK), "rb") as file:
            return msgspec.json.decode(file.read(), type=Mark)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def look(task: Task) -> Look:
    """How it stands by its folder. Raises OSError."""
    found = standing(task.folder)
    return Look(found, found == "ended" and _told(task.folder))


def forbid(task: Task) -> str:
    """See to it that *task* never begins; how it stands then. Raises OSError."""
    return void(task.folder)


def fail(task: Task, message: str) -> str:
    """The same, and leave *message* as why it could not begin; how it stands then. Raises OSError."""
    found = void(task.folder)
    if found != "never":
        return found
    record = {"version": 1, "exit_code": 126, "signal": None, "reason": "exec_failed",
              "message": message[:LONGEST]}  # fmt: skip
    deliver(task.folder, {"exit": msgspec.json.encode(record)})
    return "ended"


def said(task: Task) -> str:
    """The last line that what runs the task printed itself, if there is any."""
    try:
        with open(os.path.join(task.folder, SAID), "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:LONGEST] for line in reversed(lines) if line.strip()), "")


def _told(folder: str) -> bool:
    """Slurm signals all processes of a task, so what it runs may end before its shim is told to end it."""
    try:
        with open(os.path.join(folder, "exit"), "rb") as file:
            end = msgspec.json.decode(file.read(), type=End)
    except (OSError, msgspec.DecodeError):
        return False
    return end.reason == "cancelled" or end.signal in (signal.SIGTERM, signal.SIGKILL)
