"""``labctl maps``: maps, and how far they are."""

import argparse
import time

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.mapped import COLUMNS, row
from labd.cli.options import add_format
from labd.cli.parser import Parser, add_output, count
from labd.cli.table import table

HELP = """maps, and how far they are

The newest first. `labctl map` makes one."""
EXAMPLES = [
    ("labctl maps", "all that run, and those that ended last"),
    ("labctl maps --state running -q", "the ids of those that run"),
]
STATES = ("open", "running", "succeeded", "failed", "cancelled")


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--state", metavar="STATE", action="append", choices=STATES,
        help="only maps that are so; may be given several times",
    )  # fmt: skip
    parser.add_argument("--limit", metavar="N", type=count, default=20, help="N maps at most (20)")
    add_output(parser)
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    with connect() as client:
        maps = client.call("map.list", {"states": args.state, "limit": args.limit})["maps"]
    if args.json:
        output.emit(maps=maps)
    elif args.format:
        output.show([*args.format.lines(maps)])
    elif args.quiet:
        output.show([str(one["id"]) for one in maps])
    else:
        output.show(table(COLUMNS, [row(one, time.time()) for one in maps], output.screen()))
    return exits.OK
