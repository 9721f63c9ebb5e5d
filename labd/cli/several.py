"""One request for each of several jobs: what fails for one does not stop the others."""

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.guard import tell
from labd.cli.refs import ref, title
from labd.cli.render import safe
from labd.errors import LabdError, Unreachable

SHOWN = 10
"""Other jobs that a dry run names."""


def each(
    args: argparse.Namespace,
    connect: Connect,
    method: str,
    more: dict[str, Any],
    sentence: Callable[[dict[str, Any]], str],
    verb: str,
) -> int:
    """Call *method* for every job of ``args.jobs``, print, and return the first failure's exit code.

    *sentence* tells of a job that was changed, *verb* is the same for a dry run: ``hold``.
    """
    if args.dry_run:
        more = {**more, "dry_run": True}
        sentence = partial(_would, verb)
    replies: list[dict[str, Any]] = []
    code = exits.OK
    with connect() as client:
        for text in args.jobs:
            try:
                replies.append(client.call(method, {"job": ref(text), **more}))
            except Unreachable:  # the rest would fail as well
                raise
            except LabdError as error:
                tell("labctl", error, args.json)
                code = code or error.exit_code
    _print(args, replies, sentence)
    return code


def _print(
    args: argparse.Namespace, replies: list[dict[str, Any]], sentence: Callable[[dict[str, Any]], str]
) -> None:
    jobs = [reply["job"] for reply in replies]
    if args.json:
        output.emit(jobs=jobs, **_planned(args, replies))
    elif args.format:
        output.show([*args.format.lines(jobs)])
    elif args.quiet:
        output.show([str(job["id"]) for job in jobs])
    else:
        output.show([safe(sentence(reply["job"])) + _along(reply) for reply in replies])
    if args.dry_run and not args.json:
        output.say("Nothing is changed.")


def _planned(args: argparse.Namespace, replies: list[dict[str, Any]]) -> dict[str, Any]:
    """What JSON has besides for a dry run."""
    return {"would": [event for reply in replies for event in reply["would"]]} if args.dry_run else {}


def _would(verb: str, job: dict[str, Any]) -> str:
    state = job["state"].replace("_", " ")
    return f"Would {verb} {title(job)}, which {'has ' if state in ('failed', 'succeeded') else 'is '}{state}."


def _along(reply: dict[str, Any]) -> str:
    """The other jobs that a dry run says would end with this one."""
    others = [str(event["job"]) for event in reply.get("would", ()) if event["job"] != reply["job"]["id"]]
    shown = ", ".join(others[:SHOWN]) + (f" and {len(others) - SHOWN} more" if len(others) > SHOWN else "")
    return f" With it would end what needs it: {shown}." if others else ""
