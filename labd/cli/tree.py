"""The commands of labctl and their options as plain records, for whoever describes them to a shell."""

import argparse
from typing import NamedTuple

from labd.cli.labctl import command_parser, load, root_parser
from labd.cli.names import COMMANDS
from labd.cli.topics import TOPICS

JOBS, METHODS, FILES, FOLDERS, PROGRAM, WORDS, ANYTHING = (
    "jobs", "methods", "files", "folders", "program", "words", "anything",
)  # fmt: skip

_SOURCES = {"JOB": JOBS, "METHOD": METHODS, "FILE": FILES, "PATH": FILES, "DIR": FOLDERS}


class Value(NamedTuple):
    """What stands after an option, or as an argument; ``words`` are all there can be."""

    source: str
    name: str
    words: tuple[str, ...] = ()


class Option(NamedTuple):
    names: tuple[str, ...]
    help: str
    value: Value | None


class Command(NamedTuple):
    name: str
    help: str
    options: tuple[Option, ...]
    argument: Value | None


def commands() -> list[Command]:
    """Every command of labd's own, in the order of the help."""
    return [_command(name, line) for name, line in COMMANDS.items()]


def root_options() -> tuple[Option, ...]:
    """The options that stand before a command."""
    return tuple(_option(action) for action in root_parser()._actions)


def _command(name: str, line: str) -> Command:
    actions = command_parser(name, load(name))._actions
    options = tuple(_option(action) for action in actions if action.option_strings)
    arguments = [_value(action) for action in actions if not action.option_strings]
    first = Value(PROGRAM, "COMMAND") if name == "submit" else arguments[0] if arguments else None
    return Command(name, line, options, first)


def _option(action: argparse.Action) -> Option:
    takes = _value(action) if action.nargs is None else None
    return Option(tuple(action.option_strings), action.help or "", takes)


def _value(action: argparse.Action) -> Value:
    name = action.metavar if isinstance(action.metavar, str) else action.dest
    if name == "COMMAND|TOPIC":
        return Value(WORDS, name, (*COMMANDS, *TOPICS))
    if action.choices is not None:
        return Value(WORDS, name, tuple(map(str, action.choices)))
    return Value(_SOURCES.get(name, ANYTHING), name)
