"""``labd backup FILE``: the state in one file, while the daemon runs or not."""

import argparse
import os
import socket
import time
from typing import Any

import msgspec

from labd.cli import exits, output
from labd.cli.meter import Meter
from labd.cli.state import add_state, state_of

HELP = "copy the state to a file, also while the daemon runs"
ABOUT = """\
Copy the store as of one moment, frozen code, and the folders of all attempts with their output so far.
FILE ends with .tar, .tar.gz or .tar.zst; it appears when it is whole, and is never overwritten. Whoever may
read the state directory can do it: root, or the user that labd runs as."""


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("backup", help=HELP, description=ABOUT)
    parser.add_argument("file", metavar="FILE", help="the backup to make")
    parser.add_argument(
        "--no-folders", action="store_true", help="the store alone: no output, no frozen code"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_state(parser)


def run(args: argparse.Namespace) -> int:
    """Make it. Raises Conflict, NotFound, StateError, Refused."""
    from labd.daemon.backup.write import Origin, write
    from labd.daemon.identity import version
    from labd.jobs.shim.marks import boot_id
    from labd.units import about_bytes

    origin = Origin(version(), socket.gethostname(), boot_id(), time.time())
    with Meter("backup") as meter:
        made = write(
            state_of(args), args.file, origin, folders=not args.no_folders,
            progress=lambda done, part, all_: meter.show(done, min(part / all_, 1.0) if all_ else None),
        )  # fmt: skip
    count = made.about.attempts
    if args.json:
        output.emit(**(msgspec.to_builtins(made) | {"file": os.path.abspath(args.file)}))
    else:
        output.say(
            f"{args.file}: {about_bytes(made.size)}, {count} attempt{'' if count == 1 else 's'}, "
            f"{made.members} files and folders of {made.about.state_dir}"
        )
    return exits.OK
