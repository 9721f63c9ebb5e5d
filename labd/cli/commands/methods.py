"""``labctl methods``: every method that can be called, and how."""

import argparse
from typing import Any

from labd.cli import exits, output, suggest
from labd.cli.connect import Connect
from labd.cli.options import add_format
from labd.cli.parser import Parser, add_output
from labd.cli.render import Terminal, safe
from labd.cli.table import Cell, Column, pairs, table
from labd.errors import NotFound

HELP = """every method that can be called

With a METHOD its parameters; --json gives them as JSON Schema."""
EXAMPLES = [
    ("labctl methods", "all of them"),
    ("labctl methods job.submit", "the parameters of one"),
    ("labctl methods --json", "the schemas of all"),
]
COLUMNS = [Column("METHOD"), Column("ROLE"), Column("WHAT IT DOES", least=12)]


def add_arguments(parser: Parser) -> None:
    parser.add_argument("method", metavar="METHOD", nargs="?", help="only this one")
    add_output(parser, "print names only")
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    with connect() as client:
        reply = client.call("methods")
    methods = reply["methods"] if isinstance(reply, dict) else reply
    if args.method is not None:
        methods = [_one(methods, args.method)]
    if args.json:
        output.emit(methods=methods)
    elif args.format:
        output.show([*args.format.lines(methods)])
    elif args.quiet:
        output.show([safe(method["name"]) for method in methods])
    elif args.method is not None:
        output.show(explained(methods[0], output.screen()))
    else:
        output.show(rows(methods, output.screen()))
    return exits.OK


def _one(methods: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for method in methods:
        if method["name"] == name:
            return method
    hint = suggest.hint(name, [method["name"] for method in methods], "see `labctl methods`")
    raise NotFound(f"there is no method {name}", hint=hint)


def rows(methods: list[dict[str, Any]], term: Terminal) -> list[str]:
    """The table of methods."""
    return table(COLUMNS, [_row(method) for method in methods], term)


def _row(method: dict[str, Any]) -> list[Cell]:
    return [Cell(method["name"]), Cell(str(method.get("role") or "")), Cell(method.get("doc") or "")]


def explained(method: dict[str, Any], term: Terminal) -> list[str]:
    """A method with its parameters."""
    role, doc = str(method.get("role") or ""), method.get("doc") or ""
    head = pairs([("Method", method["name"]), ("Role", role), ("Does", doc)], term)
    fields = parameters(method.get("params") or {})
    return [*head, "", *pairs(fields, term)] if fields else [*head, "", "It takes no parameters."]


def parameters(schema: dict[str, Any]) -> list[tuple[str, str]]:
    """(name, type) of each parameter of a JSON Schema, as msgspec writes them."""
    target = _follow(schema, schema)
    required = set(target.get("required") or ())
    return [
        (name, _type(field, schema) + (" (required)" if name in required else _default(field)))
        for name, field in (target.get("properties") or {}).items()
    ]


def _follow(field: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    name = str(field.get("$ref") or "").removeprefix("#/$defs/")
    found: dict[str, Any] = (root.get("$defs") or {}).get(name, field)
    return found


def _type(field: dict[str, Any], root: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(one, root) for one in field["anyOf"])
    target = _follow(field, root)
    if "enum" in target:
        return " or ".join(map(repr, target["enum"]))
    if target.get("type") == "array" and isinstance(target.get("items"), dict):
        return f"list of {_type(target['items'], root)}"
    return str(target.get("title") or target.get("type") or "anything")


def _default(field: dict[str, Any]) -> str:
    default = field.get("default")
    return "" if default in (None, "", [], {}, ()) else f" (default {default})"
