"""``labctl doctor``: is all well?"""

import argparse
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.options import add_format
from labd.cli.parser import Parser, add_output
from labd.cli.render import Terminal, safe

HELP = """check that all is well

The daemon looks at its store, its disk, its plugins and its machine. Leaves with 1 when something
fails; a warning does not count."""
EXAMPLES = [
    ("labctl doctor", "every check"),
    ("labctl doctor --quiet || mail -s labd root", "for cron"),
]
STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}


def add_arguments(parser: Parser) -> None:
    add_output(parser, "print what fails only")
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    with connect() as client:
        reply = client.call("daemon.doctor")
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


def lines(check: dict[str, Any], term: Terminal) -> list[str]:
    """One check, and the next step where there is one."""
    mark = term.paint(f"{check['state']:<4}", STYLES.get(check["state"], ""))
    told = [f"{mark}  {safe(check['name'])}: {safe(check.get('message') or '')}".removesuffix(": ")]
    hint = check.get("hint") if check["state"] != "ok" else ""
    return [*told, f"      hint: {safe(hint)}"] if hint else told
