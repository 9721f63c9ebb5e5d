"""``labctl hold``: keep jobs from starting."""

import argparse
from typing import Any

from labd.cli.connect import Connect
from labd.cli.options import add_dry_run, add_format
from labd.cli.parser import Parser, add_output
from labd.cli.refs import title
from labd.cli.several import each

HELP = """keep jobs from starting

A held job keeps its place in the queue until `labctl release`. Jobs that run are not touched."""
EXAMPLES = [
    ("labctl hold 12", "one job"),
    ("labctl hold $(labctl status -q --state queued)", "all that wait"),
]
STATES = ("queued", "blocked")
"""What completion offers."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("jobs", metavar="JOB", nargs="+", help="which jobs")
    add_dry_run(parser)
    add_output(parser)
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    return each(args, connect, "job.hold", {}, _sentence, "hold")


def _sentence(job: dict[str, Any]) -> str:
    return f"Held {title(job)}."
