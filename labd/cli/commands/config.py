"""``labd config check | show | schema``: look at the configuration without a daemon."""

import argparse
import json
import os
from collections.abc import Mapping
from typing import Any

import msgspec

from labd.cli import exits, output
from labd.config import (
    ConfigErrors,
    Loaded,
    NoSettings,
    Problem,
    as_json,
    as_toml,
    examine_plugin,
    find_files,
    json_schema,
    load,
    unknown_plugins,
)

Structs = Mapping[str, type[msgspec.Struct]]

HELP = "check or show the configuration"


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add ``config`` with its three commands to *subparsers*."""
    parser: argparse.ArgumentParser = subparsers.add_parser("config", help=HELP, description=HELP)
    parser.set_defaults(run=run)
    commands = parser.add_subparsers(dest="config_command", metavar="COMMAND", required=True)
    commands.add_parser("check", help="name every mistake, each with its place; exit 9 if there is one")
    show = commands.add_parser("show", help="print every setting in force, as TOML; secrets as ***")
    show.add_argument("--origin", action="store_true", help="say where each value comes from")
    show.add_argument("--json", action="store_true", help="print one JSON object")
    commands.add_parser("schema", help="print the JSON Schema of the configuration")
    return parser


def run(args: argparse.Namespace, plugins: Mapping[str, type[msgspec.Struct] | None] | None = None) -> int:
    """Run the command in *args*, with the settings class (or None) of every installed plugin by its name.

    Without *plugins* their tables are not looked into.
    """
    structs = None if plugins is None else {name: struct or NoSettings for name, struct in plugins.items()}
    if args.config_command == "schema":
        print(json.dumps(json_schema(structs), indent=2))
        return exits.OK
    try:
        loaded = _load(args, structs)
    except ConfigErrors as error:
        for problem in error.problems:
            output.say(str(problem))
        return error.exit_code
    return _show(args, loaded, structs) if args.config_command == "show" else _good(loaded)


def _load(args: argparse.Namespace, structs: Structs | None) -> Loaded:
    loaded = load(find_files(args.config), os.environ, args.option or ())
    if structs is not None and (problems := _problems_of_plugins(loaded, structs)):
        raise ConfigErrors(problems)
    return loaded


def _problems_of_plugins(loaded: Loaded, structs: Structs) -> list[Problem]:
    found = unknown_plugins(loaded, structs)
    for name, struct in structs.items():
        found += examine_plugin(name, struct, loaded).problems
    return found


def _show(args: argparse.Namespace, loaded: Loaded, structs: Structs | None) -> int:
    if args.json:
        output.emit(**as_json(loaded, structs))
    else:
        print(as_toml(loaded, structs, origins=args.origin), end="")
    return exits.OK


def _good(loaded: Loaded) -> int:
    output.say(f"OK: {', '.join(loaded.files) or 'no file, so the defaults'}")
    return exits.OK
