"""``labctl notify``: where notifications can go, and a try."""

import argparse
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.notify import COMMON
from labd.cli.parser import Parser, add_output
from labd.cli.render import Terminal, safe
from labd.cli.table import Cell, Column, table
from labd.errors import UsageError

HELP = f"""where notifications can go, and a try

Lists the targets that `labctl submit --notify [WHEN:]TARGET` can name. WHEN is ended (the usual one),
{", ".join(COMMON[1:])}, or any other event of jobs without its `job.`.
`labctl notify test TARGET` sends a message there and says whether it arrived."""
USAGE = "labctl notify [test TARGET] [options]"
EXAMPLES = [
    ("labctl notify", "the targets"),
    ("labctl notify test lab-chat", "send a message to one"),
]
COLUMNS = [Column("TARGET"), Column("KIND"), Column("WAITING", right=True), Column("ERROR", least=10)]
LONGEST = 620.0
"""Seconds: a target may take ten minutes."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("action", metavar="test", nargs="?", choices=["test"], help="send a message ...")
    parser.add_argument("target", metavar="TARGET", nargs="?", help="... to this target")
    add_output(parser, "print names only")


def run(args: argparse.Namespace, connect: Connect) -> int:
    if args.action == "test":
        if args.target is None:
            raise UsageError("notify test: which target?", hint="labctl notify lists them")
        return _test(args, connect)
    with connect() as client:
        targets = client.call("notify.list")["targets"]
    if args.json:
        output.emit(targets=targets)
    elif args.quiet:
        output.show([safe(target["name"]) for target in targets])
    else:
        output.show(rows(targets, output.screen()))
        if not targets:
            output.say("No targets. An admin adds them as [notify.targets.NAME] in labd.toml.")
    return exits.OK


def _test(args: argparse.Namespace, connect: Connect) -> int:
    with connect(LONGEST) as client:
        reply = client.call("notify.test", {"target": args.target})
    if args.json:
        output.emit(**reply)
    elif args.quiet:
        output.show([safe(reply["target"])] if reply["sent"] else [])
    elif reply["sent"]:
        output.show([safe(f"Sent to {reply['target']} in {reply['seconds']:.1f}s.")])
    else:
        output.say(f"Not sent to {reply['target']}: {reply['error']}")
    return exits.OK if reply["sent"] else exits.FAILED


def rows(targets: list[dict[str, Any]], term: Terminal) -> list[str]:
    """The table of targets."""
    return table(COLUMNS, [_row(target) for target in targets], term)


def _row(target: dict[str, Any]) -> list[Cell]:
    waiting = target.get("waiting") or 0
    return [
        Cell(target["name"]),
        Cell(target["kind"]),
        Cell(str(waiting), "yellow" if waiting else ""),
        Cell(target.get("error") or "", "red"),
    ]
