"""``labctl doctor`` and ``labd doctor``: is all well?"""

from __future__ import annotations

import argparse
import os
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.options import add_format
from labd.cli.parser import Parser, add_output
from labd.cli.render import Terminal, safe

HELP = """check that all is well

The daemon looks at its store, its disk, its plugins and its machine. Leaves with 1 when something
fails; a warning does not count. `labd doctor` does the same without a daemon, as far as that goes."""
EXAMPLES = [
    ("labctl doctor", "every check"),
    ("labctl doctor --quiet || mail -s labd root", "for cron"),
]
STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}


def add_arguments(parser: Parser) -> None:
    add_output(parser, "print what fails only")
    add_format(parser)


def add_parser(commands: Any) -> None:
    """Add ``labd doctor`` to the commands of labd."""
    from labd.cli.state import add_state

    parser = commands.add_parser("doctor", help="check that all is well here, also without a daemon")
    parser.add_argument("-q", "--quiet", action="store_true", help="print what fails only")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(format=None)
    add_state(parser)


def run(args: argparse.Namespace, connect: Connect | None = None) -> int:
    """Ask the daemon; without *connect* (``labd doctor``) look by ourselves."""
    reply = _here(args) if connect is None else _asked(connect)
    checks = reply["checks"]
    failed = [check for check in checks if check["state"] == "fail"]
    if args.json:
        output.emit(**reply)
    elif args.format:
        output.show([*args.format.lines(failed if args.quiet else checks)])
    else:
        term = output.screen()
        output.show([line for check in (failed if args.quiet else checks) for line in lines(check, term)])
    return exits.FAILED if failed else exits.OK


def _asked(connect: Connect) -> dict[str, Any]:
    with connect() as client:
        reply: dict[str, Any] = client.call("daemon.doctor")
        theirs = str(client.hello.get("labd", ""))
    return reply | {"checks": [*reply["checks"], *_difference(theirs)]}


def _difference(theirs: str) -> list[dict[str, str]]:
    from labd import __version__ as ours

    if theirs in ("", ours):
        return []
    told = f"this is labctl {ours}, the daemon is labd {theirs}"
    hint = "restart labd to take up an upgrade, or use the labctl beside it"
    return [{"name": "client", "state": "warn", "message": told, "hint": hint}]


def _here(args: argparse.Namespace) -> dict[str, Any]:
    """What can be looked at without a daemon."""
    import msgspec

    from labd.cli.state import state_of
    from labd.daemon.offline import examine

    return {"checks": msgspec.to_builtins(examine(os.path.join(state_of(args), "labd.db")))}


def lines(check: dict[str, Any], term: Terminal) -> list[str]:
    """One check, and the next step where there is one."""
    mark = term.paint(f"{check['state']:<4}", STYLES.get(check["state"], ""))
    told = [f"{mark}  {safe(check['name'])}: {safe(check.get('message') or '')}".removesuffix(": ")]
    hint = check.get("hint") if check["state"] != "ok" else ""
    return [*told, f"      hint: {safe(hint)}"] if hint else told
