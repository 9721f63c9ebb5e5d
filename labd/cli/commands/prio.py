"""``labctl prio``: move jobs in the queue."""

import argparse
from typing import Any

from labd.cli.connect import Connect
from labd.cli.options import add_dry_run, add_format
from labd.cli.parser import Parser, add_output, priority
from labd.cli.refs import title
from labd.cli.several import each
from labd.cli.view import WAITING

HELP = """change the priority of jobs

For jobs that wait: those with a higher PRIORITY start first. 0 is usual; it may be below zero.
Above 0, raising it needs the role operate."""
EXAMPLES = [
    ("labctl prio 10 12", "job 12 before the usual ones"),
    ("labctl prio -5 12 13", "two that may wait"),
]
STATES = WAITING
"""What completion offers."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("priority", metavar="PRIORITY", type=priority, help="a whole number")
    parser.add_argument("jobs", metavar="JOB", nargs="+", help="which jobs")
    add_dry_run(parser)
    add_output(parser)
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    verb = f"give the priority {args.priority} to"
    return each(args, connect, "job.prioritise", {"priority": args.priority}, _sentence, verb)


def _sentence(job: dict[str, Any]) -> str:
    return f"Gave {title(job)} the priority {job['priority']}."
