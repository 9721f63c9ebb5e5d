"""What runs the tasks of maps elsewhere: what labd hands over, and what an engine says of it.

labd stays the truth: it writes each task down before it hands it over, asks how it stands, and records its
results exactly once. An engine only has to see to it that each task is begun, and to say honestly what it
knows. It need keep nothing: every task that labd has not recorded yet is in its folder.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from labd.errors import EngineGone
from labd.process.claim import cancel, deliver, put, standing, void

State = Literal["waiting", "running", "ended", "cancelled", "evicted", "lost", "never", "unknown"]
"""``waiting``: it has not begun, and will. ``running``. ``ended``: its ``exit`` is in the folder.
``cancelled``: it runs no more, since somebody else than labd ended it: what it had not done are errors.
``evicted``: it runs no more, and the engine ended it for its own reasons: what it had not done is done again,
however often. ``lost``: it began, surely runs no more, and left no ``exit``. ``never``: surely not begun, and
it never will: labd hands the same calls over anew. ``unknown``: nobody can say now; labd waits, and makes
nothing again."""

LOCAL = "local"
"""The engine that is labd's own: warm workers on this machine."""

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_CODE = (
    "import sys; sys.path.append(sys.argv[1]);"
    "from labd.jobs.shim.away import main; sys.exit(main(sys.argv[2]))"
)


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What each task of a map asks for: cores, bytes, whole GPUs, and whom it runs as."""

    cpus: float = 1
    memory: int = 0
    gpus: int = 0
    user: str = ""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A task to be run at most once, by :func:`command` in ``folder``.

    ``key`` is new for each task that labd ever hands over, 1 to 64 letters, digits, ``-`` and ``.``; it is
    durable before the engine gets it. ``folder`` is labd's, mode 0700, and holds ``task.json``; an engine may
    keep files of its own in it, named ``engine.*``. It is there until :meth:`Driver.forget`. ``time_limit``
    is seconds for the whole task, after which its shim ends it; 0 is none. ``name`` is for people.
    """

    key: str
    folder: str
    name: str
    needs: Needs = Needs()
    time_limit: float = 0


class Standing(msgspec.Struct, frozen=True):
    """How a task stands; *reason* in words for people, *place* the machine or worker that has it."""

    state: State
    reason: str = ""
    place: str = ""


class Driver(Protocol):
    """What an engine does. Each method may be called at any time while its plugin is loaded, for tasks of a
    former daemon too. ``EngineGone`` from any of them means: not now.
    """

    async def check(self, needs: Needs) -> None:
        """Raise Refused, with the reason, for what the engine will never run. Asked when a map is submitted,
        and answered from what is known: an engine that is away refuses nothing.
        """
        ...

    async def submit(self, tasks: Sequence[Task]) -> None:
        """Take *tasks*. labd hands a key over once; where it did not hear the answer (EngineGone, or its own
        end) it looks what became of it. Raises EngineGone when it cannot be said whether they were taken;
        Overloaded when none was, and labd is to ask later; Refused when none was, or ever will be: the map
        fails.
        """
        ...

    async def look(self, tasks: Sequence[Task]) -> Mapping[str, Standing]:
        """How *tasks* stand, by their keys; one that is left out is ``unknown``. Asked of no tasks, too: to
        hear whether the engine answers.

        A task that was never submitted, or whose submission nobody knows of, is ``never`` only once it cannot
        begin any more: :func:`void` sees to that wherever the machines see the folder. Before ``ended`` is
        said the files are in the folder: with machines that do not see it, by :func:`deliver`.
        """
        ...

    async def changed(self, seen: int) -> int:
        """Wait until something may have changed since *seen*, which an earlier call returned (0 at first); a
        greater number. An engine that can only be polled returns after each poll.
        """
        ...

    async def cancel(self, tasks: Sequence[Task]) -> None:
        """Ask for their ends; :meth:`look` tells when they have come."""
        ...

    async def forget(self, tasks: Sequence[Task]) -> None:
        """Their outcomes are recorded: what the engine keeps of them may go. The folders go next."""
        ...


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """A way to run the tasks of maps: what ``labctl map --engine NAME`` names. Since API 1.

    *seconds* is how long a task should last at least, that its start does not cost more; *at_once* how many
    tasks of a map it is given at a time, unless the map says so itself. ``local`` is labd's own.
    """

    name: str
    driver: Driver
    doc: str = ""
    seconds: float = 1.0
    at_once: int = 64


class Engines(Protocol):
    """The engines that plugins offer now."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def find(self, name: str) -> Engine:
        """The engine *name*. Raises NotFound with the names of those that there are."""
        ...


def command(folder: str, python: str = "") -> tuple[str, ...]:
    """What runs the task in *folder* under a shim, to be started where that is seen; returns when it ended.

    It holds the lock of the folder, and refuses a task that was begun before: so to start it twice is
    harmless. SIGTERM cancels. Exit codes: 0 the ``exit`` is there, 75 another one runs it, 70 it was begun
    before and left none, 69 it was made void. *python* is the interpreter (labd's).
    """
    return (python or sys.executable, "-I", "-S", "-X", "utf8", "-c", _CODE, _ROOT, folder)


__all__ = [
    "Driver", "Engine", "EngineGone", "Engines", "Needs", "Standing", "State", "Task",
    "LOCAL", "cancel", "command", "deliver", "put", "standing", "void",
]  # fmt: skip
