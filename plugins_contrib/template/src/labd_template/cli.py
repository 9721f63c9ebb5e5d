"""The command. Standard library only: labctl starts in a few milliseconds, and should go on to."""

import argparse
from collections.abc import Callable
from typing import Any

HELP = "show how the last jobs ended"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its *parser*."""
    parser.add_argument("limit", nargs="?", type=int, default=10, help="how many jobs (default: 10)")


def run(args: argparse.Namespace, connect: Callable[[], Any]) -> int:
    """Run the command; *connect* gives a :class:`labd.wire.blocking.Client`. Returns the exit code."""
    with connect() as client:
        answer = client.call("template.recent", {"limit": args.limit})
    for ended in answer["jobs"]:
        print(f"{ended['job']:>6}  {ended['state']}")
    return 0
