"""``labctl plugins``: what is plugged in, and how it is. ``labd plugins new``: one of your own."""

import argparse
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.options import add_format
from labd.cli.parser import Parser, add_output
from labd.cli.render import Terminal, safe
from labd.cli.table import Cell, Column, table

HELP = """what is plugged in, and how it is

A plugin that could not be loaded stands here with its error; it stops nothing else."""
EXAMPLES = [
    ("labctl plugins", "a table"),
    ("labctl plugins --json", "with everything that is known"),
]
OWN = "start a plugin of your own"
COLUMNS = [
    Column("NAME"), Column("VERSION"), Column("STATE"), Column("FROM", least=6), Column("HOOKS", least=8),
    Column("ERROR", least=10),
]  # fmt: skip
STYLES = {"loaded": "green", "failed": "red", "incompatible": "red", "disabled": "dim"}


def add_arguments(parser: Parser) -> None:
    add_output(parser, "print names only")
    add_format(parser)


def add_parser(commands: Any) -> None:
    """Add ``labd plugins`` with its one command to the commands of labd."""
    parser = commands.add_parser("plugins", help=OWN, description=OWN)
    new = parser.add_subparsers(dest="plugins_command", metavar="COMMAND", required=True).add_parser(
        "new", help="make the folder labd-NAME with a plugin that works, and its tests"
    )
    new.add_argument("name", metavar="NAME", help="what to call it: small letters, digits, - and _")
    new.add_argument("--into", metavar="DIR", default=".", help="the folder to make it in (default: here)")
    new.add_argument("--dry-run", action="store_true", help="only say what would be made")
    new.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace, connect: Connect | None = None) -> int:
    """Show the plugins to labctl, which has a *connect*; make one for labd."""
    if connect is None:
        from labd.cli import new_plugin

        return new_plugin.run(args)
    with connect() as client:
        reply = client.call("plugin.list")
    if args.json:
        output.emit(**reply)
    elif args.format:
        output.show([*args.format.lines(reply["plugins"])])
    elif args.quiet:
        output.show([safe(plugin["name"]) for plugin in reply["plugins"]])
    else:
        output.show(rows(reply["plugins"], output.screen()))
        if not reply["plugins"]:
            output.say("No plugins.")
    return exits.OK


def rows(plugins: list[dict[str, Any]], term: Terminal) -> list[str]:
    """The table of plugins."""
    return table(COLUMNS, [_row(plugin) for plugin in plugins], term)


def _row(plugin: dict[str, Any]) -> list[Cell]:
    hooks = ", ".join(hook.removeprefix("labd_") for hook in plugin.get("hooks") or ())
    return [
        Cell(plugin["name"]),
        Cell(plugin.get("version") or ""),
        Cell(plugin["state"], STYLES.get(plugin["state"], "")),
        Cell(plugin.get("distribution") or ""),
        Cell(hooks),
        Cell(plugin.get("error") or "", "red"),
    ]
