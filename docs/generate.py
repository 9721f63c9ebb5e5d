"""Fills the generated parts of the reference: ``python -m docs.generate``, or ``--check`` to only look.

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``; everything else in a page is
written by hand and stays as it is.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from docs import api, commands, facts, harness, methods, promises, settings

FOLDER = Path(__file__).parent / "reference"

PARTS: dict[str, Callable[[], str]] = {
    "labctl overview": commands.labctl_overview,
    "labctl globals": commands.labctl_globals,
    "labctl commands": commands.labctl_commands,
    "labd globals": commands.labd_globals,
    "labd commands": commands.labd_commands,
    "settings": settings.settings,
    "variables": settings.variables,
    "methods": methods.methods,
    "states": facts.states,
    "transitions": facts.transitions,
    "array-transitions": facts.array_transitions,
    "event kinds": facts.kinds,
    "event": facts.event,
    "wire limits": facts.wire_limits,
    "subscription limits": facts.subscription_limits,
    "array types": facts.dtypes,
    "job": facts.job_view,
    "spec": methods.spec,
    "map": facts.map_view,
    "map spec": methods.map_spec,
    "model": facts.model_view,
    "model statistics": facts.model_statistics,
    "model spec": methods.model_spec,
    "attempt": facts.attempt,
    "report": facts.report,
    "plugin": facts.plugin,
    "exit codes": facts.exit_codes,
    "errors": facts.faults,
    "job environment": facts.environment,
    "hooks": api.hooks,
    "api names": api.offered,
    "api types": api.types,
    "testing names": harness.names,
    "testing fixtures": harness.fixtures,
    "testing node": harness.controls,
    "promises": promises.promises,
    "unheld promises": promises.unheld,
}

_PART = re.compile(r"(<!-- generated: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """The page *text* with every generated part as the code is now. Raises KeyError for an unknown one."""
    return _PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n\n{part[3]}", text)


def pages() -> list[Path]:
    """The pages of the reference."""
    return sorted(FOLDER.glob("*.md"))


def stale() -> list[Path]:
    """The pages that are not what the code says."""
    return [page for page in pages() if filled(page.read_text()) != page.read_text()]


def main(words: list[str]) -> int:
    """Rewrite the stale pages, or with ``--check`` only name them; 1 when there were any to name."""
    old = stale()
    for page in old:
        print(page.relative_to(FOLDER.parent.parent))
        if "--check" not in words:
            page.write_text(filled(page.read_text()))
    return int(bool(old) and "--check" in words)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
