"""``labctl plugins``: what is plugged in, and how it is."""

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
COLUMNS = [
    Column("NAME"), Column("VERSION"), Column("STATE"), Column("FROM", least=6), Column("HOOKS", least=8),
    Column("ERROR", least=10),
]  # fmt: skip
STYLES = {"loaded": "green", "failed": "red", "incompatible": "red", "disabled": "dim"}


def add_arguments(parser: Parser) -> None:
    add_output(parser, "print names only")
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
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
