"""Events as sentences. Pure."""

from typing import Any

from labd.cli.times import span
from labd.demo.runs import ENDED, Run


def told(event: dict[str, Any], run: Run, before: float | None) -> str:
    """The sentence for *event*, which *run* has taken; *before* was its progress. Empty: not worth one."""
    what = event["kind"].removeprefix("job.")
    if what == "reported":
        return _progress(run, before)
    if what == "started":
        return f"run {run.job} trains: rate {run.setting.rate:g}, hidden {run.setting.hidden}"
    if what == "adopted":
        return f"run {run.job} is taken up, attempt {run.attempt}"
    if what in ENDED:
        took = f" after {span(run.seconds)}" if run.seconds is not None else ""
        why = _numbers(run) if run.succeeded else run.cause
        return f"run {run.job} {what.replace('_', ' ')}{took}: {why}"
    return ""


def _progress(run: Run, before: float | None) -> str:
    """A word at each quarter: ten reports a second are for a screen."""
    if run.progress is None or int(run.progress * 4) <= int((before or 0.0) * 4) or run.progress >= 1:
        return ""
    return f"run {run.job} at {run.progress:.0%}: {_numbers(run)}"


def _numbers(run: Run) -> str:
    if run.loss is None or run.accuracy is None:
        return "nothing reported"
    return f"loss {run.loss_text}, accuracy {run.accuracy_text}"
