"""``labctl http``: where labd answers over HTTP, and a token."""

import argparse
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.parser import Parser, add_output
from labd.cli.render import safe
from labd.errors import Conflict

HELP = """where labd answers over HTTP, and a token

`labctl http` prints the addresses, `labctl http url` the first of them alone, and `labctl http token` your
own token. Whoever has it can do over HTTP what you can. It is good for as long as labd's runtime directory
lives, usually until the machine restarts."""
USAGE = "labctl http [url | token] [options]"
EXAMPLES = [
    ("labctl http", "the addresses"),
    ("labctl http url", "the first of them, for curl"),
    ("labctl http token > token", "what to send with it as Authorization: Bearer"),
]
HINT = "http.enabled = true in labd.toml, then restart labd"


def add_arguments(parser: Parser) -> None:
    parser.add_argument("what", metavar="WHAT", nargs="?", choices=["url", "token"], help="url, or token")
    add_output(parser, "print addresses only")


def run(args: argparse.Namespace, connect: Connect) -> int:
    with connect() as client:
        reply = client.call("http.token" if args.what == "token" else "http.show")
    if args.json:
        output.emit(**reply)
    elif args.what == "token":
        output.show([safe(reply["token"])])
    elif args.what == "url":
        output.show([safe(_url(reply))])
    else:
        _show(reply, args.quiet)
    return exits.OK


def _show(reply: dict[str, Any], quiet: bool) -> None:
    output.show([safe(url) for url in reply["urls"]])
    if not quiet and reply["problem"]:
        output.say(f"labd does not answer over HTTP: {reply['problem']}")
    elif not quiet and not reply["enabled"]:
        output.say(f"labd does not answer over HTTP. To turn it on: {HINT}.")


def _url(reply: dict[str, Any]) -> str:
    found = [str(url) for url in reply["urls"] if url.startswith("http")]
    if not found:
        raise Conflict(reply["problem"] or "labd does not answer over HTTP", hint=HINT)
    return found[0]
