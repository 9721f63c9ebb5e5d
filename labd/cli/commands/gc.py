"""``labctl gc``: remove what is over the limits of retention."""

import argparse
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.parser import Parser, add_output
from labd.cli.refs import Calls
from labd.cli.render import Terminal
from labd.cli.table import Cell, Column, table
from labd.cli.view import memory
from labd.errors import NotFound

HELP = """remove what is over the limits of retention

Removed are ended jobs with their output, old events, and what nobody needs any more, by the section
[retention] of the configuration, and ended maps, by [plugins.fanout]. Never what is unfinished, what
unfinished jobs depend on, or what ended within a day. labd does so by itself now and then. Needs the role
admin."""
EXAMPLES = [
    ("labctl gc --dry-run", "what would go"),
    ("labctl gc", "remove it now"),
]
WHAT = ("jobs", "folders", "events", "environments", "blobs", "maps")
Found = dict[str, Any]


def add_arguments(parser: Parser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="remove nothing, show what would go")
    add_output(parser, quiet="")


def run(args: argparse.Namespace, connect: Connect) -> int:
    with connect() as client:
        found = client.call("store.gc", {"dry_run": True}) if args.dry_run else _collected(client)
        _add_maps(client, found)
    for path, why in found["kept"].items():
        output.say(f"Kept {path}: {why}")
    if args.json:
        output.emit(**found)
    else:
        _print(found)
    return exits.OK


def _collected(client: Calls) -> Found:
    """Some seconds of work after the other, until nothing is left."""
    found: Found = client.call("store.gc")
    while found["left"]:
        output.say(f"Removed {found['went']['jobs']} jobs, {found['left']} to go ...")
        more = client.call("store.gc")
        went = {name: count + more["went"][name] for name, count in found["went"].items()}
        found = {**more, "went": went, "kept": found["kept"] | more["kept"]}
    return found


def _add_maps(client: Calls, found: Found) -> None:
    """Have maps go as well, where labd has any."""
    found["went"]["maps"] = 0
    try:
        maps = client.call("map.gc", {"dry_run": found["dry_run"]})
    except NotFound:
        return  # the plugin is disabled
    found["went"]["maps"] = maps["maps"]
    found["went"]["bytes"] += maps["bytes"]


def _print(found: Found) -> None:
    if any(found["went"].values()):
        output.show(rows(found, output.screen()))
    else:
        output.say("Nothing is over its limit.")


def rows(found: Found, term: Terminal) -> list[str]:
    """The table of what went, or would; kinds of which there is none are left out."""
    went = found["went"]
    columns = [Column("WOULD GO" if found["dry_run"] else "REMOVED"), Column("COUNT", right=True)]
    counts = [(name, str(went[name])) for name in WHAT if went[name]]
    counts.append(("disk space", memory(went["bytes"])))
    return table(columns, [[Cell(name), Cell(count)] for name, count in counts], term)
