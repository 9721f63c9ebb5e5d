"""``labctl release``: let held jobs start."""

import argparse
from typing import Any

from labd.cli.connect import Connect
from labd.cli.options import add_dry_run, add_format
from labd.cli.parser import Parser, add_output
from labd.cli.refs import title
from labd.cli.several import each

HELP = """let held jobs start

They start when it is their turn, and after the jobs that they come after."""
EXAMPLES = [
    ("labctl release 12", "one job"),
    ("labctl release $(labctl status -q --state held)", "all that are held"),
]
STATES = ("held",)
"""What completion offers."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("jobs", metavar="JOB", nargs="+", help="which jobs")
    add_dry_run(parser)
    add_output(parser)
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    return each(args, connect, "job.release", {}, _sentence, "release")


def _sentence(job: dict[str, Any]) -> str:
    return f"Released {title(job)}."
