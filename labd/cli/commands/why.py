"""``labctl why``: what a job waits for."""

import argparse
import time
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.options import add_format
from labd.cli.parser import Parser, add_output
from labd.cli.reasons import explained
from labd.cli.refs import ref
from labd.cli.render import safe
from labd.cli.view import WAITING

HELP = """what a job waits for, and who has it

ENDS BY is when the time limit of a holder runs out: it may well end before."""
EXAMPLES = [
    ("labctl why 12", "by id"),
    ("labctl why train", "by name"),
    ("labctl why last --json", "the newest job, for programs"),
]
STATES = (*WAITING, "paused")
"""What completion offers."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("job", metavar="JOB", help="which job")
    add_output(parser, "print the reasons only")
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    with connect() as client:
        reply = client.call("job.why", {"job": ref(args.job)})
    if args.json:
        output.emit(**reply)
    elif args.format:
        output.show([*args.format.lines([reply["job"]])])
    elif args.quiet:
        output.show([safe(reason) for reason in reply["reasons"]])
    else:
        _print(reply)
    return exits.OK


def _print(reply: dict[str, Any]) -> None:
    job = reply["job"]
    output.show(explained(reply, output.screen(), time.time()))
    if job["state"] == "paused":
        output.say(f"let it go on: labctl resume {job['id']}")
    elif job["state"] not in WAITING:
        output.say(f"everything about it: labctl show {job['id']}")
