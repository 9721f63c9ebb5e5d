"""``labctl cancel``: end jobs."""

import argparse
from typing import Any

from labd.cli.connect import Connect
from labd.cli.options import add_dry_run, add_format
from labd.cli.parser import Parser, add_output
from labd.cli.refs import title
from labd.cli.several import each
from labd.cli.view import ENDED

HELP = """end jobs, or take them out of the queue

A running job gets SIGTERM, and SIGKILL after its grace time; its whole process tree ends."""
EXAMPLES = [
    ("labctl cancel 12", "one job"),
    ("labctl cancel 12 13 --reason 'wrong data'", "several, and say why"),
    ("labctl cancel $(labctl status -q --state queued)", "all that wait"),
]


def add_arguments(parser: Parser) -> None:
    parser.add_argument("jobs", metavar="JOB", nargs="+", help="which jobs")
    parser.add_argument("--reason", metavar="TEXT", default="", help="kept with the job")
    add_dry_run(parser)
    add_output(parser)
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    return each(args, connect, "job.cancel", {"reason": args.reason}, _sentence, "cancel")


def _sentence(job: dict[str, Any]) -> str:
    return f"Cancelled {title(job)}." if job["state"] in ENDED else f"Ending {title(job)}."
