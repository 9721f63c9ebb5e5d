"""``labctl show``: everything about one job."""

import argparse
import time
from typing import Any

from labd.cli import detail, exits, output
from labd.cli.connect import Connect
from labd.cli.options import add_format
from labd.cli.parser import Parser, add_output
from labd.cli.refs import name, ref
from labd.cli.view import ENDED, WAITING

HELP = """everything about one job

A JOB is an id, a name, the unique start of a name, or `last`."""
EXAMPLES = [
    ("labctl show 12", "by id"),
    ("labctl show train", "by name"),
    ("labctl show last --json", "the newest job, for programs"),
    ("labctl show 12 --diff", "what was changed in its code since the commit"),
]


def add_arguments(parser: Parser) -> None:
    parser.add_argument("job", metavar="JOB", help="which job")
    parser.add_argument("--diff", action="store_true", help="print the diff of its frozen code instead")
    parser.add_argument("--pager", action="store_true", help="show that through $PAGER")
    add_output(parser, "print the id only")
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    with connect() as client:
        if args.diff:
            from labd.cli.frozen import show_diff

            return show_diff(client, ref(args.job), pager=args.pager, json=args.json)
        reply = client.call("job.show", {"job": ref(args.job)})
    job, attempts = reply["job"], reply["attempts"]
    if args.json:
        output.emit(**reply)
    elif args.format:
        output.show([*args.format.lines([job])])
    elif args.quiet:
        output.show([str(job["id"])])
    else:
        _print({**job, "code": reply.get("code")}, attempts, reply.get("artifacts") or [])
    return exits.OK


def _print(job: dict[str, Any], attempts: list[dict[str, Any]], artifacts: list[dict[str, Any]]) -> None:
    term, now = output.screen(), time.time()
    lines = [*detail.progressed(job, term, now), "", *detail.described(job, term, now)]
    tables = (
        detail.attempts(attempts, term),
        detail.artifacts(artifacts, term),
        detail.folders(attempts, term),
    )
    output.show(lines + [line for found in tables for line in _block(found)])
    for line in _block([f"  hint: {step}" for step in _next(job)]):
        output.say(line)


def _block(lines: list[str]) -> list[str]:
    return ["", *lines] if lines else []


def _next(job: dict[str, Any]) -> list[str]:
    """What one may want to do now."""
    number = name(job)
    if job.get("tasks") and job["state"] not in WAITING:
        return [f"its tasks: labctl array {number}"]
    if job["state"] in WAITING:
        step = "let it start: labctl release" if job["state"] == "held" else "why it waits: labctl why"
        return [f"{step} {number}", f"cancel it: labctl cancel {number}"]
    if job["state"] == "paused":
        return [f"let it go on: labctl resume {number}", f"end it: labctl cancel {number}"]
    if job["state"] not in ENDED:
        return [f"see its output: labctl logs {number} -f", f"end it: labctl cancel {number}"]
    steps = [f"its output: labctl logs {number}"] if job.get("attempt") else []
    return steps if job["state"] == "succeeded" else [*steps, f"run it again: labctl retry {number}"]
