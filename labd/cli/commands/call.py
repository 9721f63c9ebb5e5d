"""``labctl call``: any method, by name."""

import argparse
import json
import sys
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.parser import Parser
from labd.cli.spec import parameters
from labd.errors import UsageError

HELP = """call one method

Parameters are one JSON object (- reads it from stdin) or KEY=VALUE words, where a VALUE that reads as
JSON is that and any other is text. The answer is printed as JSON."""
EXAMPLES = [
    ("labctl call daemon.status", "no parameters"),
    ("labctl call job.show job=12", "one parameter"),
    ("""labctl call job.list '{"states": ["failed"], "limit": 3}'""", "as JSON"),
]


def add_arguments(parser: Parser) -> None:
    parser.add_argument("method", metavar="METHOD", help="its name; `labctl methods` lists them")
    parser.add_argument("params", metavar="PARAM", nargs="*", help="a JSON object, or KEY=VALUE words")
    parser.add_argument("--json", action="store_true", help="wrap the answer as every --json does")


def run(args: argparse.Namespace, connect: Connect) -> int:
    params = read_params(args.params)
    with connect(None) as client:  # a method may well take its time
        result = client.call(args.method, params)
    if args.json:
        output.emit(result=result)
    else:
        print(output.encode(result, indent=2 if sys.stdout.isatty() else None))
    return exits.OK


def read_params(words: list[str]) -> dict[str, Any]:
    """The parameters that *words* spell. Raises UsageError."""
    if len(words) != 1 or not (words[0] == "-" or words[0].lstrip().startswith("{")):
        return parameters(words)
    text = sys.stdin.read() if words[0] == "-" else words[0]
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"the parameters are not JSON: {error}") from error
    if not isinstance(found, dict):
        raise UsageError("the parameters are not a JSON object", hint='as {"job": 12}')
    return found
