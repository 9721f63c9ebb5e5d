"""``labctl plugins``: what is plugged in, how it is, and changing it. ``labd plugins new``: a new one."""

import argparse
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.options import add_dry_run, add_format
from labd.cli.parser import Parser, add_output
from labd.cli.plugged import HOOKS, SETTINGS, hook_rows, plugin_rows, setting_rows
from labd.cli.render import safe
from labd.cli.table import table
from labd.errors import UsageError

HELP = """what is plugged in, and how it is

A plugin that could not be loaded stands here with its error; it stops nothing else. enable, disable and
reload change one while labd runs, until labd ends: what it is to be after that is said by plugins.enabled and
plugins.disabled in labd.toml. reload reads its code and its settings again; if anything is wrong, the old one
goes on. trace writes every call into a plugin to labd's log."""
USAGE = "labctl plugins [enable|disable|reload|config NAME | hooks | trace NAME on|off] [options]"
EXAMPLES = [
    ("labctl plugins", "a table"),
    ("labctl plugins --json", "with everything that is known"),
    ("labctl plugins reload hello", "after a change to its code or its settings"),
    ("labctl plugins config hello", "its settings, and where each is from"),
]
OWN = "start a plugin of your own"
CHANGES = {"enable": "Enabled", "disable": "Disabled", "reload": "Reloaded"}
LASTS = {
    "enable": ", until labd ends; plugins.enabled in labd.toml is for good",
    "disable": ", until labd ends; plugins.disabled in labd.toml is for good",
}
ACTIONS = (*CHANGES, "config", "hooks", "trace")
SECOND = "plugins"
"""What a shell that completes asks for after the action."""
LONGEST = 300.0
"""Seconds: an import may be slow, and a service may take its time to stop."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("action", metavar="ACTION", nargs="?", choices=ACTIONS, help=", ".join(ACTIONS))
    parser.add_argument("name", metavar="NAME", nargs="?", help="which plugin")
    parser.add_argument("switch", metavar="on|off", nargs="?", choices=("on", "off"), help="for trace")
    add_dry_run(parser)
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
    _check(args)
    if args.action in CHANGES:
        return _change(args, connect)
    if args.action == "trace":
        return _trace(args, connect)
    if args.action == "config":
        with connect() as client:
            return _config(args, client.call("plugin.config", {"plugin": args.name}))
    with connect() as client:
        return (
            _hooks(args, client.call("plugin.hooks"))
            if args.action
            else _list(args, client.call("plugin.list"))
        )


def _check(args: argparse.Namespace) -> None:
    if args.action in (*CHANGES, "config", "trace") and args.name is None:
        raise UsageError(f"plugins {args.action}: which plugin?", hint="labctl plugins lists them")
    if args.action == "hooks" and args.name is not None:
        raise UsageError(f"plugins hooks: there is nothing to do with {args.name!r}", hint="leave it out")
    if (args.action == "trace") != (args.switch is not None):
        raise UsageError(
            "plugins trace: on or off?" if args.switch is None else f"plugins {args.action} takes one name",
            hint="labctl plugins trace NAME on",
        )
    if args.dry_run and args.action not in CHANGES:
        raise UsageError("--dry-run is for enable, disable and reload", hint="leave it out")


def _list(args: argparse.Namespace, reply: dict[str, Any]) -> int:
    if not _printed(args, reply, "plugins"):
        output.show(plugin_rows(reply["plugins"], output.screen()))
        if not reply["plugins"]:
            output.say("No plugins.")
    return exits.OK


def _hooks(args: argparse.Namespace, reply: dict[str, Any]) -> int:
    if not _printed(args, reply, "hooks"):
        output.show(table(HOOKS, hook_rows(reply["hooks"]), output.screen()))
    return exits.OK


def _config(args: argparse.Namespace, reply: dict[str, Any]) -> int:
    if not _printed(args, reply, "settings", "key"):
        output.show(table(SETTINGS, setting_rows(reply["settings"]), output.screen()))
        if not reply["settings"]:
            output.say(f"Plugin {args.name} has no settings.")
    return exits.OK


def _printed(args: argparse.Namespace, reply: dict[str, Any], records: str, name: str = "name") -> bool:
    """Print *records* in the form that was asked for, if any was."""
    if args.json:
        output.emit(**reply)
    elif args.format:
        output.show([*args.format.lines(reply[records])])
    elif args.quiet:
        output.show([safe(record[name]) for record in reply[records]])
    return bool(args.json or args.format or args.quiet)


def _change(args: argparse.Namespace, connect: Connect) -> int:
    with connect(LONGEST) as client:
        asked = {"plugin": args.name, "dry_run": args.dry_run}
        reply = client.call(f"plugin.{args.action}", asked)
    if not _printed_one(args, reply):
        output.show([safe(line) for line in _sentences(args, reply)])
    return exits.OK


def _sentences(args: argparse.Namespace, reply: dict[str, Any]) -> list[str]:
    plugin = reply["plugin"]
    if args.dry_run:
        steps = [f"Would {step['do']} {step['what']}." for step in reply["would"]]
        return steps or [f"Would change nothing: plugin {plugin['name']} is {plugin['state']}."]
    if not reply["changed"]:
        return [f"Nothing to do: plugin {plugin['name']} is {plugin['state']}."]
    what = f"{plugin['name']} {plugin['version']}".rstrip()
    lasts = LASTS.get(args.action, "")
    return [f"{CHANGES[args.action]} {what}{lasts}."]


def _trace(args: argparse.Namespace, connect: Connect) -> int:
    with connect() as client:
        reply = client.call("plugin.trace", {"plugin": args.name, "on": args.switch == "on"})
    if not _printed_one(args, reply):
        where = "goes to labd's log" if args.switch == "on" else "is not logged any more"
        output.show([safe(f"What plugin {args.name} does {where}.")])
    return exits.OK


def _printed_one(args: argparse.Namespace, reply: dict[str, Any]) -> bool:
    return _printed(args, {**reply, "plugins": [reply["plugin"]]} if not args.json else reply, "plugins")
