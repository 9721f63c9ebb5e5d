"""``labctl model``: models that labd serves."""

import argparse
import json
import os
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.modelled import COLUMNS, STATS, pairs, row, stats_row
from labd.cli.options import add_format
from labd.cli.parser import Parser, add_output, count
from labd.cli.render import safe
from labd.cli.table import table
from labd.errors import UsageError

HELP = """models that labd serves

Without an action: a table of them. load makes labd serve a class of yours, now and after every restart, until
unload. While it is served, reload takes up its code anew, and the new one is ready before the old one leaves.
What a model is can be said in labd.toml too, in [plugins.serving.models.NAME]; --set takes the same words."""
USAGE = "labctl model [list|show|stats|load|unload|reload|scale|bench] [NAME] [options]"
EXAMPLES = [
    ("labctl model load digits model:Digits --workers 2", "serve a class of model.py in this folder"),
    ("labctl model load net --loader onnx --arg file=$PWD/net.onnx", "serve a file"),
    ("labctl model stats", "requests, batches and how long they take"),
    ("labctl model bench digits --clients 16", "ask it as fast as 16 clients can"),
]
ACTIONS = ("list", "show", "stats", "load", "unload", "reload", "scale", "bench")
LONGEST = 86_400.0
"""Seconds: large models take their time, and the daemon gives up by load_timeout."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("action", metavar="ACTION", nargs="?", choices=ACTIONS, default="list",
                        help=", ".join(ACTIONS))  # fmt: skip
    parser.add_argument("name", metavar="NAME", nargs="?", help="which model")
    parser.add_argument(
        "what", metavar="TARGET|N", nargs="?", help="for load: module:Class; for scale: workers"
    )
    parser.add_argument("--version", metavar="V", default="", help="this version; else the newest")
    parser.add_argument("--loader", metavar="NAME", help="what loads it (python)")
    parser.add_argument("--arg", metavar="KEY=VALUE", action="append", default=[], help="an argument of it")
    parser.add_argument("--path", metavar="DIR", action="append", help="where its module is (here)")
    parser.add_argument("--workers", metavar="N", type=count, help="so many processes of it")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="any other setting")
    parser.add_argument("--clients", metavar="N", type=count, default=1, help="for bench: at once (1)")
    parser.add_argument("--seconds", metavar="S", type=float, default=5.0, help="for bench: how long (5)")
    add_output(parser, "print names only")
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    if args.action in ("list", "stats"):
        return _list(args, connect)
    if args.name is None:
        raise UsageError(f"model {args.action}: which model?", hint="labctl model lists them")
    if args.action == "bench":
        from labd.cli import bench

        return bench.run(args, connect)
    with connect(LONGEST) as client:
        return _show(args, client.call(f"model.{args.action}", _params(args)))


def _params(args: argparse.Namespace) -> dict[str, Any]:
    params: dict[str, Any] = {"model": args.name}
    if args.action == "load":
        return params | {"spec": _spec(args)}
    if args.action == "scale":
        if args.what is None or not args.what.isdecimal():
            raise UsageError("model scale: how many workers?", hint=f"labctl model scale {args.name} 2")
        return params | {"workers": int(args.what)}
    return params if args.action == "reload" else params | {"version": args.version}


def _spec(args: argparse.Namespace) -> dict[str, Any] | None:
    """What the options say of the model; None when they say nothing: as it was."""
    said: dict[str, Any] = dict(_pair(word, "--set") for word in args.set)
    options = {"target": args.what, "loader": args.loader, "workers": args.workers}
    said |= {key: value for key, value in options.items() if value is not None}
    if args.arg:
        said["arguments"] = dict(_pair(word, "--arg") for word in args.arg)
    if args.version:
        said["version"] = args.version
    if not said and not args.path:
        return None
    if "pipeline" not in said:
        said["path"] = [os.path.abspath(each) for each in args.path or ["."]]
    return said


def _pair(word: str, option: str) -> tuple[str, Any]:
    key, equals, value = word.partition("=")
    if not key or not equals:
        raise UsageError(f"{option} {word!r} is not KEY=VALUE", hint=f"{option} max_batch_size=32")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _list(args: argparse.Namespace, connect: Connect) -> int:
    with connect() as client:
        if args.action == "stats":
            models = client.call("model.stats", {"model": args.name or "", "version": args.version})["models"]
        else:
            models = client.call("model.list")["models"]
    if _printed(args, {"models": models}, models):
        return exits.OK
    columns, rows = (STATS, map(stats_row, models)) if args.action == "stats" else (COLUMNS, map(row, models))
    output.show(table(columns, [*rows], output.screen()))
    if not models:
        output.say("No models. `labctl model load NAME module:Class` serves one.")
    return exits.OK


def _show(args: argparse.Namespace, reply: dict[str, Any]) -> int:
    one = reply["model"]
    if _printed(args, reply, [one]):
        return exits.OK
    if args.action == "show":
        found = pairs(one, reply["spec"])
        width = max(len(key) for key, _ in found)
        output.show([safe(f"{key:<{width}}  {value}") for key, value in found])
    elif args.action == "unload":
        output.show([safe(f"Unloaded {one['name']}.")])
    else:
        workers = f", {one['workers']} worker{'s' * (one['workers'] != 1)}" if one["workers"] else ""
        output.show([safe(f"{one['name']} version {one['version']} is {one['state']}{workers}.")])
    return exits.OK


def _printed(args: argparse.Namespace, reply: dict[str, Any], models: list[dict[str, Any]]) -> bool:
    """Print in the form that was asked for, if any was."""
    if args.json:
        output.emit(**reply)
    elif args.format:
        output.show([*args.format.lines(models)])
    elif args.quiet:
        output.show([safe(one["name"]) for one in models])
    return bool(args.json or args.format or args.quiet)
