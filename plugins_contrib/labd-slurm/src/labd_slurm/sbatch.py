"""What sbatch is told, and what its refusals mean. Pure."""

import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Literal

from labd.api import Needs
from labd_slurm.settings import Settings

MIB = 2**20
ROOM = 64 * MIB
"""Memory for the runner of a task: its own limit is to be reached before Slurm's."""

SPARE = 120.0
"""Seconds that Slurm gives a task beyond its time limit, so that its own is reached before Slurm's."""

KEPT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "SLURM_CONF", "SLURM_JWT", "KRB5CCNAME")

FOR_EVER = (
    "invalid", "unrecognized", "not available", "can not be satisfied", "cannot be satisfied",
    "not permitted", "denied", "disabled", "must specify", "missing", "ambiguous", "too large", "exceeds",
)  # fmt: skip
FOR_NOW = ("submit limit", "job count", "too many", "queue full", "inactive", "drain", "busy", "reserved")
"""Before the others: what is refused now may be taken later."""


def argv(settings: Settings, needs: Needs, time_limit: float) -> list[str]:
    """The options for tasks that need *needs*; *time_limit* is seconds, 0 for none.

    Slurm cancels what it cannot launch unless it may requeue it, and that looks as if somebody had done so.
    """
    words = [
        "--ntasks=1", "--nodes=1", f"--cpus-per-task={max(1, math.ceil(needs.cpus))}", "--requeue",
        "--output=/dev/null", "--chdir=/",
    ]  # fmt: skip
    if needs.memory:
        words.append(f"--mem={math.ceil((needs.memory + ROOM) / MIB)}M")
    if needs.gpus:
        words.append(f"--gres=gpu:{needs.gpus}")
    if time_limit:
        words.append(f"--time={math.ceil((time_limit + SPARE) / 60)}")
    chosen = {"partition": settings.partition, "account": settings.account, "qos": settings.qos}
    words += [f"--{name}={value}" for name, value in chosen.items() if value]
    return [*words, *settings.options]


def array(name: str, size: int) -> list[str]:
    """The options for an array of *size* tasks that is found again by its *name*."""
    return ["--parsable", f"--job-name={name}", f"--array=0-{size - 1}"]


def script(commands: Sequence[Sequence[str]], folders: Sequence[str]) -> str:
    """A script in which task *i* of the array becomes command *i*; what that says goes into its folder."""
    lines = ["#!/bin/sh", 'case "$SLURM_ARRAY_TASK_ID" in']
    for number, (words, folder) in enumerate(zip(commands, folders, strict=True)):
        said = shlex.quote(f"{folder}/engine.out")
        lines.append(f"{number}) exec {shlex.join(words)} </dev/null >>{said} 2>&1;;")
    return "\n".join([*lines, "esac", "exit 1", ""])


def environment(of: Mapping[str, str], config: str) -> dict[str, str]:
    """What of our environment Slurm's commands get: it would go on to the tasks."""
    found = {name: of[name] for name in KEPT if name in of}
    return found | ({"SLURM_CONF": config} if config else {})


def refusal(said: str) -> Literal["away", "full", "never"]:
    """What it means that sbatch left without a job and *said* this.

    What nobody knows is ``away``: a map that waits, and says why, can be cancelled; one that has failed since
    the controller was restarted is a loss.
    """
    text = said.lower()
    if any(word in text for word in FOR_NOW):
        return "full"
    return "never" if any(word in text for word in FOR_EVER) else "away"


def reason(said: str) -> str:
    """The sentence of *said* that tells most, without what Slurm puts before it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else "it said nothing"
    for before in ("sbatch: error: ", "squeue: error: ", "scancel: error: ", "slurm_load_jobs error: "):
        last = last.removeprefix(before)
    return last.removeprefix("Batch job submission failed: ")
