"""``labctl retry``: run ended jobs once more."""

import argparse
from typing import Any

from labd.cli.connect import Connect
from labd.cli.options import add_dry_run, add_format
from labd.cli.parser import Parser, add_output
from labd.cli.refs import title
from labd.cli.several import each

HELP = """run ended jobs once more

The job keeps its id; the run is a new attempt, with its own output."""
EXAMPLES = [
    ("labctl retry 12", "one job"),
    ("labctl retry $(labctl status -q --state failed)", "all that failed lately"),
]


def add_arguments(parser: Parser) -> None:
    parser.add_argument("jobs", metavar="JOB", nargs="+", help="which jobs")
    add_dry_run(parser)
    add_output(parser)
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    return each(args, connect, "job.retry", {}, _sentence, "retry")


def _sentence(job: dict[str, Any]) -> str:
    return f"Queued {title(job)} again."
