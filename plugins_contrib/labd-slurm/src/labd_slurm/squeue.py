"""What ``squeue --json`` and ``sacct`` say of arrays, in the forms of several versions. Pure.

Slurm 22.05 puts plain numbers, one state and the raw status of an exit; from 23.02 on numbers are maps with
``set`` and ``number``, states are lists, and an exit is a map. 22.05 heeds no filter with ``--json``. After
a crash it may give the same number to another job: so only the name of a job says whose it is.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

BASES = (
    "PENDING", "RUNNING", "SUSPENDED", "COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL",
    "PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY",
)  # fmt: skip
LIVE_FLAGS = ("COMPLETING", "CONFIGURING", "REQUEUED", "SIGNALING", "STAGE_OUT", "RESIZING", "STOPPED")
"""Flags of a job that is not over, whatever its state."""

NO_VALUE = 0xFFFFFFFE
"""From here on numbers mean that there is none, or no limit."""

DOTS = "..."
"""What ends a list of tasks that Slurm has cut off."""


class Seen(NamedTuple):
    """One task as Slurm has it: ``job`` is what scancel takes, ``code`` is negative for a signal,
    ``restarts`` says how often it was put back.
    """

    job: str
    state: str
    reason: str = ""
    node: str = ""
    code: int = 0
    restarts: int = 0


class Array(NamedTuple):
    """The tasks of one array by their index. ``rest`` stands for those of ``waiting`` that have not begun;
    ``waiting`` is None where Slurm did not name them all.
    """

    tasks: dict[int, Seen]
    rest: Seen | None = None
    waiting: frozenset[int] | None = frozenset()

    def find(self, index: int) -> Seen | None:
        """The task *index*; None when Slurm does not know it."""
        if index in self.tasks:
            return self.tasks[index]
        if self.rest is None or (self.waiting is not None and index not in self.waiting):
            return None
        return self.rest._replace(job=f"{self.rest.job}_{index}")


class Unanswered(Exception):
    """Slurm gave no answer, but words about that."""


def arrays(answer: Any, prefix: str) -> dict[str, Array]:
    """The arrays in the *answer* of ``squeue --json`` whose names begin with *prefix*.

    Raises Unanswered for what is no answer: without its controller squeue prints an error and leaves with 0.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("jobs"), list):
        raise Unanswered("squeue --json did not print a list of jobs")
    if answer.get("errors"):
        raise Unanswered(_words(answer["errors"][0]))
    found: dict[str, Array] = {}
    for job in answer["jobs"]:
        name = str(job.get("name", ""))
        if name.startswith(prefix):
            found[name] = _with(found.get(name, Array({})), job)
    return found


def _with(array: Array, job: dict[str, Any]) -> Array:
    index, number = _number(job.get("array_task_id")), _number(job.get("array_job_id"))
    text = str(job.get("array_task_string") or "")
    base = str(number or _number(job.get("job_id")) or "")
    place, restarts = str(job.get("nodes") or ""), _number(job.get("restart_cnt")) or 0
    state, reason = _state(job.get("job_state")), str(job.get("state_reason") or "")
    seen = Seen(base, state, reason, place, _code(job.get("exit_code")), restarts)
    if text or index is None:
        return array._replace(rest=seen, waiting=indices(text))
    return array._replace(tasks={**array.tasks, index: seen._replace(job=f"{base}_{index}")})


def indices(text: str) -> frozenset[int] | None:
    """The numbers of ``0,2-4,8-12:2%3``; None for what is cut off, or not such a list."""
    found: set[int] = set()
    text = text.partition("%")[0].strip("[]")
    if DOTS in text:
        return None
    try:
        for part in filter(None, text.split(",")):
            span, _, step = part.partition(":")
            first, _, last = span.partition("-")
            found.update(range(int(first), int(last or first) + 1, int(step or 1)))
    except ValueError:
        return None
    return frozenset(found)


def accounts(text: str) -> Iterator[tuple[int, Seen]]:
    """The tasks in what ``sacct -nPX -o JobID,State,ExitCode,NodeList`` printed; other lines are left out."""
    for line in text.splitlines():
        job, _, rest = line.partition("|")
        base, _, index = job.partition("_")
        fields = rest.split("|")
        if len(fields) != 3 or not base.isdigit():
            continue
        state, _, reason = fields[0].partition(" ")
        for number in indices(index) or ():
            yield number, Seen(f"{base}_{number}", state, reason, fields[2], _pair(fields[1]))


def _pair(text: str) -> int:
    """An exit code, negative for a signal, of ``CODE:SIGNAL``."""
    code, _, signum = (int(part) if part.isdigit() else 0 for part in text.partition(":"))
    return -signum if signum else code


def _state(state: Any) -> str:
    """One word for a state and its flags: a flag of a job that is not over goes before its state."""
    words = [state] if isinstance(state, str) else [str(word) for word in state or ()]
    live = next((word for word in words if word in LIVE_FLAGS), None)
    return live or next((word for word in words if word in BASES), words[0] if words else "")


def _number(value: Any) -> int | None:
    if isinstance(value, dict):
        value = value.get("number") if value.get("set") else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value < NO_VALUE else None


def _code(value: Any) -> int:
    """An exit code, negative for a signal, of the raw status or of a map."""
    if isinstance(value, dict) and "return_code" in value:
        signal = value.get("signal") or {}
        signum = _number(signal.get("id", signal.get("signal_id"))) or 0
        return -signum if signum else _number(value["return_code"]) or 0
    status = _number(value) or 0
    return -(status & 127) if status & 127 else status >> 8 & 255


def _words(error: Any) -> str:
    """An entry of ``errors`` in words."""
    if not isinstance(error, dict):
        return str(error)
    parts: Iterable[str] = (str(error.get(key) or "") for key in ("description", "error"))
    return ": ".join(part for part in parts if part) or "an error without words"
