"""``labctl hello``. Standard library only: labctl starts in a few milliseconds, and should go on to."""

import argparse
from collections.abc import Callable
from typing import Any

HELP = "say hello to somebody, through the daemon"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its *parser*."""
    parser.add_argument("who", nargs="?", default="world", help="whom to greet (default: world)")


def run(args: argparse.Namespace, connect: Callable[[], Any]) -> int:
    """Run the command; *connect* gives a :class:`labd.wire.blocking.Client`. Returns the exit code."""
    with connect() as client:
        answer = client.call("hello.greet", {"who": args.who})
    print(answer["text"])  # noqa: T201 - a command prints
    return 0
