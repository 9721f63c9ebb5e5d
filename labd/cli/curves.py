"""Which curves are meant by the words of ``labctl plot``, and what the daemon has of them."""

from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from labd.cli import suggest
from labd.cli.chart.panel import Curve, Panel, Place
from labd.cli.refs import Calls, number
from labd.cli.view import Job
from labd.errors import NotFound

FEWEST = 4
"""Points that ``job.metrics`` is asked for where only the names are wanted."""


class Choice(NamedTuple):
    """Jobs by their ids, and groups of metrics (patterns) that share a panel; none stands for all."""

    jobs: list[int]
    groups: list[list[str]]


class Run(NamedTuple):
    """One attempt of a job, with the series of its metrics by name."""

    job: int
    name: str
    attempt: int
    started: float | None
    state: str
    series: dict[str, Any]


def choose(calls: Calls, words: list[str], *, early: bool = False) -> Choice:
    """The first word is a job, each further one a metric that was reported, or else a job.

    With *early* an unknown word is a metric that is still to come, while nothing was reported yet.
    Raises NotFound.
    """
    jobs, groups = [number(calls, words[0])], list[list[str]]()
    known = reported(calls, jobs[0])
    for word in words[1:]:
        group = [word] if word in known else word.split(",")
        if word.isdecimal() or word == "last" or not (_all_known(group, known) or (early and not known)):
            jobs.append(_job(calls, word, known))
            known += [name for name in reported(calls, jobs[-1]) if name not in known]
        else:
            groups.append(group)
    return Choice(list(dict.fromkeys(jobs)), groups)


def reported(calls: Calls, job: int) -> list[str]:
    """The names of the metrics of a job's last attempt."""
    found: list[str] = calls.call("job.metrics", {"job": job, "names": [], "points": FEWEST})["names"]
    return found


def _all_known(group: list[str], known: list[str]) -> bool:
    return all(any(fnmatchcase(name, pattern) for name in known) for pattern in group)


def _job(calls: Calls, word: str, known: list[str]) -> int:
    try:
        return number(calls, word)
    except NotFound:
        if word.isdecimal() or word == "last":
            raise
        hint = suggest.hint(
            word, known, f"metrics: {', '.join(known)}" if known else "no metric was reported"
        )
        raise NotFound(f"there is no metric and no job {word!r}", hint=hint) from None


def fetch(calls: Calls, choice: Choice, attempts: list[int] | None, points: int) -> list[Run]:
    """The runs of *choice*: of each job its last attempt, or *attempts* (an empty list: all of them)."""
    runs: list[Run] = []
    for job in choice.jobs:
        reply = calls.call("job.show", {"job": job})
        last = reply["job"]["attempt"]
        chosen = [last] if attempts is None else attempts or range(1, last + 1)
        runs += [_run(calls, reply, attempt, choice.groups, points) for attempt in chosen]
    return runs


def _run(calls: Calls, shown: dict[str, Any], attempt: int, groups: list[list[str]], points: int) -> Run:
    job = shown["job"]
    asked = {"job": job["id"], "attempt": attempt or None}
    names = _asked(calls, asked, groups)
    found = calls.call("job.metrics", {**asked, "names": names, "points": points})
    started = [one.get("started") for one in shown["attempts"] if one["number"] == attempt]
    state = str(job["state"])
    return Run(job["id"], job["name"], attempt, started[0] if started else None, state, found["series"])


def _asked(calls: Calls, asked: Job, groups: list[list[str]]) -> list[str] | None:
    """The names to ask for; a pattern becomes those that match."""
    patterns = [pattern for group in groups for pattern in group]
    if not any(set(pattern) & set("*?[") for pattern in patterns):
        return patterns or None
    known = calls.call("job.metrics", {**asked, "names": [], "points": FEWEST})["names"]
    return [name for name in known if any(fnmatchcase(name, pattern) for pattern in patterns)]


def panels(runs: list[Run], groups: list[list[str]], *, log: bool, seconds: bool) -> list[Panel]:
    """A panel for each group of metrics; each match of a pattern that stands alone has one of its own."""
    names = list(dict.fromkeys(name for run in runs for name in run.series))
    chosen: list[list[str]] = []
    for group in groups or [["*"]]:
        found = [n for n in names if any(n == p or fnmatchcase(n, p) for p in group)]
        chosen += [found] if len(group) > 1 else [[name] for name in found]
    made = [_panel(runs, group, log, seconds) for group in chosen]
    return [panel for panel in made if any(panel.drawn)]


def _panel(runs: list[Run], names: list[str], log: bool, seconds: bool) -> Panel:
    curves = []
    for run in runs:
        for name in names:
            points = _points(run, run.series[name], seconds) if name in run.series else []
            if points:
                curves.append(Curve(_label(run, runs, name if len(names) > 1 else ""), points))
    return Panel(", ".join(names), curves, log, seconds)


def _label(run: Run, runs: list[Run], metric: str) -> str:
    """What tells the curve from the others of its panel."""
    job = f"{run.job} {run.name}".strip() if len({one.job for one in runs}) > 1 else ""
    several = any(one.job == run.job and one.attempt != run.attempt for one in runs)
    attempt = f"attempt {run.attempt}" if several else ""
    return " ".join(part for part in (job, attempt, metric) if part)


def _points(run: Run, series: dict[str, Any], seconds: bool) -> list[Place]:
    if not seconds:
        return list(zip(series["steps"], series["values"], strict=True))
    timed = [(t, v) for t, v in zip(series["times"], series["values"], strict=True) if t is not None]
    began = run.started if run.started is not None else min((time for time, _ in timed), default=0.0)
    return [(time - began, value) for time, value in timed]
