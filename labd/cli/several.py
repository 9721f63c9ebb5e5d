"""One request for each of several jobs: what fails for one does not stop the others."""

import argparse
from collections.abc import Callable
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.guard import tell
from labd.cli.refs import ref
from labd.cli.render import safe
from labd.errors import LabdError, Unreachable


def each(
    args: argparse.Namespace,
    connect: Connect,
    method: str,
    more: dict[str, Any],
    sentence: Callable[[dict[str, Any]], str],
) -> int:
    """Call *method* for every job of ``args.jobs``, print, and return the first failure's exit code."""
    done: list[dict[str, Any]] = []
    code = exits.OK
    with connect() as client:
        for text in args.jobs:
            try:
                done.append(client.call(method, {"job": ref(text), **more})["job"])
            except Unreachable:  # the rest would fail as well
                raise
            except LabdError as error:
                tell("labctl", error, args.json)
                code = code or error.exit_code
    _print(args, done, sentence)
    return code


def _print(
    args: argparse.Namespace, jobs: list[dict[str, Any]], sentence: Callable[[dict[str, Any]], str]
) -> None:
    if args.json:
        output.emit(jobs=jobs)
    elif args.quiet:
        output.show([str(job["id"]) for job in jobs])
    else:
        output.show([safe(sentence(job)) for job in jobs])
