"""``labctl requeue``: end jobs, and let them wait for their turn again."""

import argparse
from typing import Any

from labd.cli.connect import Connect
from labd.cli.options import add_dry_run, add_format
from labd.cli.parser import Parser, add_output
from labd.cli.refs import title
from labd.cli.several import each
from labd.cli.view import WAITING

HELP = """end running jobs and queue them again

The run ends as after `labctl cancel`. The job keeps its id and its place in the queue; its next run is
a new attempt, and no retry is spent."""
EXAMPLES = [
    ("labctl requeue 12", "one job"),
    ("labctl requeue 12 13 --reason 'driver update'", "several, and say why"),
]
STATES = ("running", "paused")
"""What completion offers."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("jobs", metavar="JOB", nargs="+", help="which jobs")
    parser.add_argument("--reason", metavar="TEXT", default="", help="kept with the job")
    add_dry_run(parser)
    add_output(parser)
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    return each(args, connect, "job.requeue", {"reason": args.reason}, _sentence, "requeue")


def _sentence(job: dict[str, Any]) -> str:
    name = title(job)
    return f"Queued {name} again." if job["state"] in WAITING else f"Ending {name} to queue it again."
