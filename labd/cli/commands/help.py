"""``labctl help``: a command, or a topic."""

import argparse
from types import ModuleType

from labd.cli import exits, suggest
from labd.cli.connect import Connect
from labd.cli.names import COMMANDS
from labd.cli.parser import Parser, columns, filled
from labd.cli.topics import TOPICS
from labd.errors import NotFound

HELP = """explain a command or a topic"""
EXAMPLES = [
    ("labctl help submit", "a command"),
    ("labctl help exit-codes", "a topic"),
]


def add_arguments(parser: Parser) -> None:
    parser.description = f"{HELP}\n\nTopics: {', '.join(TOPICS)}"
    parser.add_argument("subject", metavar="COMMAND|TOPIC", nargs="?", help="what to explain")


def run(args: argparse.Namespace, connect: Connect) -> int:
    from labd.cli.labctl import command_parser, overview

    subject = args.subject
    if subject is None:
        print(overview() + f"\n\nTopics: {', '.join(TOPICS)}")
    elif subject in TOPICS:
        print(filled(TOPICS[subject](), min(columns(), 100)))
    else:
        print(command_parser(subject, _command(subject)).format_help().rstrip())
    return exits.OK


def _command(name: str) -> ModuleType:
    """The command *name*, labd's own or one that another distribution adds. Raises NotFound."""
    from labd.cli.extra import find, listed
    from labd.cli.labctl import load

    module = load(name) if name in COMMANDS else find(name)
    if module is None:
        hint = suggest.hint(name, [*COMMANDS, *listed(), *TOPICS], "see `labctl help`")
        raise NotFound(f"there is no command or topic {name}", hint=hint)
    return module
