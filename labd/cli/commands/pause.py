"""``labctl pause``: stop jobs without ending them."""

import argparse
from typing import Any

from labd.cli.connect import Connect
from labd.cli.options import add_dry_run, add_format
from labd.cli.parser import Parser, add_output
from labd.cli.refs import title
from labd.cli.several import each

HELP = """stop running jobs for a while

All processes of the job stand still until `labctl resume`. Its cores, memory and GPUs stay
taken, and its time limit runs on."""
EXAMPLES = [
    ("labctl pause 12", "one job"),
    ("labctl pause $(labctl status -q --state running)", "all that run"),
]
STATES = ("running",)
"""What completion offers."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("jobs", metavar="JOB", nargs="+", help="which jobs")
    add_dry_run(parser)
    add_output(parser)
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    return each(args, connect, "job.pause", {}, _sentence, "pause")


def _sentence(job: dict[str, Any]) -> str:
    return f"Paused {title(job)}."
