"""Which state directory a command of labd means: --state, or that of the configuration."""

import argparse
import os

from labd.config import find_files, load
from labd.paths import find


def add_state(parser: argparse.ArgumentParser) -> None:
    """Add ``--state`` to a command."""
    parser.add_argument(
        "--state", metavar="DIR", help="the state directory (that which labd would use, started like this)"
    )


def state_of(args: argparse.Namespace) -> str:
    """The directory. Raises ConfigErrors."""
    if args.state:
        return os.path.abspath(str(args.state))
    daemon = load(find_files(args.config), os.environ, args.option or ()).config.daemon
    return find(os.environ, state=daemon.state_dir).state
