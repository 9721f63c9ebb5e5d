"""What can be done to jobs: where it applies, what undoes it, what has to be confirmed. Pure."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from labd.cli.view import ACTIVE, ENDED, LIVE, WAITING
from labd.tui.rows import JobRow


class Verb(NamedTuple):
    """A method of jobs. *undo* names the verb that takes it back; without one it asks before."""

    name: str
    method: str
    done: str
    states: tuple[str, ...]
    undo: str = ""
    warning: str = ""


VERBS = {
    verb.name: verb
    for verb in (
        Verb("cancel", "job.cancel", "cancelled", LIVE, warning="Their processes are ended."),
        Verb("retry", "job.retry", "queued again", ENDED, warning="Each becomes a new attempt."),
        Verb(
            "requeue", "job.requeue", "queued again", ACTIVE, warning="The attempt is ended, and begins anew."
        ),
        Verb("hold", "job.hold", "held", ("queued", "blocked"), undo="release"),
        Verb("release", "job.release", "released", ("held",), undo="hold"),
        Verb("pause", "job.pause", "paused", ("running",), undo="resume"),
        Verb("resume", "job.resume", "resumed", ("paused",), undo="pause"),
        Verb("prioritise", "job.prioritise", "moved", WAITING, undo="prioritise"),
    )
}


class Step(NamedTuple):
    """One call."""

    method: str
    params: dict[str, Any]


class Deed(NamedTuple):
    """What is to be done to some jobs, and what would take it back (nothing where that cannot be)."""

    verb: Verb
    steps: list[Step]
    undo: list[Step]

    @property
    def jobs(self) -> list[int]:
        return [step.params["job"] for step in self.steps]


def deed(name: str, rows: Iterable[JobRow], priority: int | None = None) -> Deed:
    """*name* for those of *rows* to which it applies."""
    verb = VERBS[name]
    meant = [row for row in rows if row.state in verb.states]
    if name == "prioritise":
        steps = [Step(verb.method, {"job": row.id, "priority": priority}) for row in meant]
        undo = [Step(verb.method, {"job": row.id, "priority": row.priority or 0}) for row in meant]
        return Deed(verb, steps, undo)
    steps = [Step(verb.method, {"job": row.id}) for row in meant]
    undo = [Step(VERBS[verb.undo].method, {"job": row.id}) for row in meant] if verb.undo else []
    return Deed(verb, steps, undo)


def named(rows: list[JobRow]) -> str:
    """``job 12 (train)``, or ``3 jobs``."""
    if len(rows) != 1:
        return f"{len(rows)} jobs"
    return f"job {rows[0].id}" + (f" ({rows[0].name})" if rows[0].name else "")
