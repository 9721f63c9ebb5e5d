"""``labd restore FILE``: a state directory from a backup."""

import argparse
import time
from typing import Any

import msgspec

from labd.cli import exits, output
from labd.cli.meter import Meter
from labd.cli.state import add_state, state_of
from labd.cli.times import ago

HELP = "make a state directory from such a file"
ABOUT = """\
Read all of FILE, compare it with its own list, and make an empty state directory what the backup says.
Nothing is ever overwritten. A job that ran when the backup was made counts as lost, and no process is
signalled: it may still run where it was. Under root, files keep their owners by number; labd's own get the
owner of the state directory."""


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("restore", help=HELP, description=ABOUT)
    parser.add_argument("file", metavar="FILE", help="what `labd backup` made")
    parser.add_argument(
        "--dry-run", action="store_true", help="verify the file and the place, change nothing"
    )
    parser.add_argument(
        "--hold", action="store_true", help="hold the jobs that wait, until somebody releases them"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_state(parser)


def run(args: argparse.Namespace) -> int:
    """Restore it. Raises StateError, Conflict, AlreadyRunning, NotFound, Refused."""
    from labd.daemon.backup.restore import Wish, check, restore

    state = state_of(args)
    with Meter("verifying") as meter:

        def progress(what: str, done: int) -> None:
            meter.show(done, what=what)

        if args.dry_run:
            about = check(args.file, state, progress)
        else:
            about = restore(args.file, state, Wish(args.hold, time.time()), progress)
    if args.json:
        output.emit(state_dir=state, dry_run=args.dry_run, about=msgspec.to_builtins(about))
        return exits.OK
    when = ago(about.made, time.time())
    what = "is whole and can be restored to" if args.dry_run else "was restored to"
    output.say(f"{args.file} (made {when} on {about.host} by labd {about.labd}) {what} {state}")
    if not args.dry_run:
        output.say("start labd there; the event store.restored says which jobs are lost")
    return exits.OK
