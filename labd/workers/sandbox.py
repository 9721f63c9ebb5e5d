"""The levels of isolation: which of them this machine can give, by what, and the walls of one worker.

A level that is asked for and cannot be had is refused with the reason; it is never lowered.
"""

import os
import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple, get_args

from labd.api.workers import Sandbox, WorkerSpec
from labd.errors import Refused
from labd.workers import bubblewrap, landlock, seccomp, system
from labd.workers.denials import denials
from labd.workers.interpreter import Interpreter
from labd.workers.walls import FILTER

LEVELS: tuple[str, ...] = get_args(Sandbox)
ISOLATED = ("isolated", "isolated+net")


class Means(NamedTuple):
    """One thing that walls are made of: what there is of it here, or why it cannot be had."""

    name: str
    detail: str = ""
    trouble: str = ""
    hint: str = ""

    @property
    def usable(self) -> bool:
        return not self.trouble


class Levels(NamedTuple):
    """What this machine has to make walls of. The detail of *bubblewrap* is where it is."""

    bubblewrap: Means
    landlock: Means
    seccomp: Means

    @property
    def available(self) -> tuple[str, ...]:
        """The levels that can be had here, with some worker."""
        return tuple(level for level in LEVELS if level not in ISOLATED or self.by(level))

    def by(self, level: str) -> str:
        """What makes the walls of *level*: ``bubblewrap``, ``landlock``, or nothing when there can be none.

        The sockets of the machine's programs are part of its network; only a filter keeps them out.
        """
        if level not in ISOLATED:
            return ""
        if self.bubblewrap.usable and (level == "isolated" or self.seccomp.usable):
            return "bubblewrap"
        return "landlock" if self.landlock.usable and self.seccomp.usable else ""

    def need(self, spec: WorkerSpec, *, root: bool) -> None:
        """Raises Refused when the level of *spec* cannot be had. *root*: whether the worker would be root."""
        by = self.by(spec.sandbox)
        if spec.sandbox not in ISOLATED or by == "bubblewrap":
            return
        if not by:
            raise _refused(spec, self.trouble, self.hint)
        if spec.warm or root:
            kind = "with `warm`" if spec.warm else "of root"
            way = "leave out `warm`" if spec.warm else "name a `user`"
            why = f"only bubblewrap isolates a worker {kind}, and {self.bubblewrap.trouble}"
            raise _refused(spec, why, f"{way}, or {self.bubblewrap.hint}")

    @property
    def trouble(self) -> str:
        """Why there are no more; empty when all can be had by the best means."""
        return "; ".join(means.trouble for means in self if means.trouble)

    @property
    def hint(self) -> str:
        """The next step, where something is missing."""
        return next((means.hint for means in self if means.hint), "")


class Walls(NamedTuple):
    """The words before the command of a worker, and what its keeper is ordered; nothing where it has none."""

    words: tuple[str, ...] = ()
    order: dict[str, Any] | None = None

    @property
    def scratch(self) -> str:
        """The folder that is the worker's own, if bubblewrap gives it none."""
        return str(self.order["scratch"]) if self.order else ""


def wrap(
    levels: Levels, spec: WorkerSpec, python: Interpreter, lent: Sequence[str], gpus: Sequence[int]
) -> Walls:
    """The walls of a worker of *spec*, which :meth:`Levels.need` lets pass."""
    by, net = levels.by(spec.sandbox), spec.sandbox == "isolated+net"
    if not by:
        return Walls()
    machine = os.uname().machine
    program = seccomp.program(machine, denials(by, net=net)) if levels.seccomp.usable else b""
    order = {"by": by, "filter": program.hex(), "rules": [], "net": net, "scratch": ""}
    read = [*python.folders, *lent, *spec.path, *spec.read]
    devices = system.gpu_nodes(gpus)
    if by == "bubblewrap":
        found = bubblewrap.words(
            levels.bubblewrap.detail, read, spec.write, devices, net=net, filter=FILTER * bool(program)
        )
        return Walls((*found, "--chdir", spec.cwd, "--"), order)
    scratch = f"/tmp/labd-worker-{secrets.token_hex(8)}"
    return Walls((), order | {"rules": rules(read, (scratch, *spec.write), devices, net), "scratch": scratch})


def rules(
    read: Sequence[str], write: Sequence[str], devices: Sequence[str], net: bool
) -> list[tuple[str, int, bool]]:
    """What Landlock is to allow: path, rights, and whether it must be there."""
    optional = [*system.PROGRAMS, *system.ETC, *(system.NET if net else ())]
    return [
        *((path, landlock.READ, False) for path in optional),
        *((path, landlock.READ, True) for path in sorted(set(read))),
        *((path, landlock.DEVICE, False) for path in (*system.DEVICES, *devices)),
        *((path, landlock.WRITE, True) for path in write),
    ]


def _refused(spec: WorkerSpec, why: str, hint: str) -> Refused:
    return Refused(
        f"sandbox {spec.sandbox!r} cannot be had on this machine: {why}",
        hint=f"{hint}; labctl doctor shows the levels",
    )
