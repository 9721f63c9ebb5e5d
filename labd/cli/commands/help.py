"""``labctl help``: a command, or a topic."""

import argparse

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
    from labd.cli.labctl import command_parser, load, overview

    subject = args.subject
    if subject is None:
        print(overview() + f"\n\nTopics: {', '.join(TOPICS)}")
    elif subject in TOPICS:
        print(filled(TOPICS[subject](), min(columns(), 100)))
    elif subject in COMMANDS:
        print(command_parser(subject, load(subject)).format_help().rstrip())
    else:
        hint = suggest.hint(subject, [*COMMANDS, *TOPICS], "see `labctl help`")
        raise NotFound(f"there is no command or topic {subject}", hint=hint)
    return exits.OK
