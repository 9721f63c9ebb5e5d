"""``labctl resume``: let paused jobs go on."""

import argparse
from typing import Any

from labd.cli.connect import Connect
from labd.cli.options import add_dry_run, add_format
from labd.cli.parser import Parser, add_output
from labd.cli.refs import title
from labd.cli.several import each

HELP = """let paused jobs go on

They go on where they stood."""
EXAMPLES = [
    ("labctl resume 12", "one job"),
    ("labctl resume $(labctl status -q --state paused)", "all that are paused"),
]
STATES = ("paused",)
"""What completion offers."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("jobs", metavar="JOB", nargs="+", help="which jobs")
    add_dry_run(parser)
    add_output(parser)
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    return each(args, connect, "job.resume", {}, _sentence, "resume")


def _sentence(job: dict[str, Any]) -> str:
    return f"Resumed {title(job)}."
