"""``labctl shutdown``: stop the daemon; jobs go on."""

import argparse
import sys
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.parser import Parser, add_output, seconds
from labd.cli.times import span
from labd.errors import NotPermitted, UsageError

HELP = """stop the daemon; jobs go on

No job is lost: those that run go on without labd, and the next labd takes them up. With --drain labd starts
nothing new and waits for running jobs first; a further `labctl shutdown --drain 0` ends that wait. As a
service, `systemctl stop labd` is the better way: with labd.socket the next client would start it again.
Needs the role admin."""
EXAMPLES = [
    ("labctl shutdown", "stop it, after a question"),
    ("labctl shutdown --drain 1h --yes", "give running jobs an hour; ask nothing"),
    ("labctl shutdown --dry-run", "only say what would be"),
]
BUSY = ("starting", "running", "paused")


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "--drain", metavar="SPAN", type=seconds, help="let running jobs end, this long (daemon.drain_timeout)"
    )
    add("--reason", metavar="TEXT", default="", help="for the log")
    add("-y", "--yes", action="store_true", help="do not ask")
    add("--dry-run", action="store_true", help="say what would be, and do nothing")
    add_output(parser, quiet="")


def run(args: argparse.Namespace, connect: Connect) -> int:
    with connect() as client:
        status = client.call("daemon.status")
        if client.hello.get("role") != "admin":
            raise NotPermitted("only an admin can stop labd", hint="the role admin is given in [access]")
        text = sentence(status, args.drain)
        if not (args.dry_run or args.yes or _agreed(text)):
            output.say("Nothing was done.")
            return exits.FAILED
        if not args.dry_run:
            client.call("daemon.stop", {"reason": args.reason, "drain": args.drain})
    if args.json:
        output.emit(stopping=not args.dry_run, running=_running(status), drain=args.drain)
    else:
        output.show([f"{'Would stop' if args.dry_run else 'Stopping'} {text}."])
    return exits.OK


def sentence(status: dict[str, Any], drain: float | None) -> str:
    """``labd (pid 12): 2 running jobs go on without it``, without the verb."""
    busy = _running(status)
    jobs = f"{busy} running job{'' if busy == 1 else 's'}"
    if not busy:
        what = "no job runs"
    elif drain:
        what = f"{jobs} may take {span(drain)}, and then go on without it"
    else:
        what = f"{jobs} go{'es' if busy == 1 else ''} on without it"
    return f"labd (pid {status['pid']}): {what}"


def _running(status: dict[str, Any]) -> int:
    return sum((status.get("jobs") or {}).get(state, 0) for state in BUSY)


def _agreed(text: str) -> bool:
    """Ask the person at the terminal. Raises UsageError where there is none."""
    if not sys.stdin.isatty():
        raise UsageError("there is nobody to ask whether labd is to stop", hint="add --yes")
    output.flush()
    print(f"Stop {text}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
