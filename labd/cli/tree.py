"""The commands of labctl and their options as plain records, for whoever describes them to a shell."""

import argparse
from typing import NamedTuple

from labd.cli.labctl import command_parser, load, root_parser
from labd.cli.names import COMMANDS
from labd.cli.topics import TOPICS

JOBS, METHODS, PLUGINS, FILES, FOLDERS, PROGRAM, HOSTS, WORDS, ANYTHING = (
    "jobs", "methods", "plugins", "files", "folders", "program", "hosts", "words", "anything",
)  # fmt: skip

_SOURCES = {
    "JOB": JOBS, "JOB[:WHEN]": JOBS, "METHOD": METHODS, "FILE": FILES, "PATH": FILES, "DIR": FOLDERS,
    "HOST": HOSTS,
}  # fmt: skip


class Value(NamedTuple):
    """What stands after an option, or as an argument; ``words`` are all there can be.

    ``ask`` is what is asked of ``labctl __complete`` as the person types; empty for nothing.
    """

    source: str
    name: str
    words: tuple[str, ...] = ()
    ask: str = ""


class Option(NamedTuple):
    names: tuple[str, ...]
    help: str
    value: Value | None


class Command(NamedTuple):
    name: str
    help: str
    options: tuple[Option, ...]
    argument: Value | None
    skip: int = 0
    """Arguments that stand before those that ``argument`` describes."""
    second: Value | None = None
    """What stands after ``argument``, which is one word then; it is asked for with that word."""


def commands() -> list[Command]:
    """Every command of labd's own, in the order of the help."""
    return [_command(name, line) for name, line in COMMANDS.items()]


def root_options() -> tuple[Option, ...]:
    """The options that stand before a command."""
    return tuple(_option(action) for action in root_parser()._actions)


def _command(name: str, line: str) -> Command:
    module = load(name)
    actions = command_parser(name, module)._actions
    options = tuple(_option(action) for action in actions if action.option_strings)
    if name == "submit":
        return Command(name, line, options, Value(PROGRAM, "COMMAND"))
    states = getattr(module, "STATES", ())
    arguments = [_value(action, states) for action in actions if not action.option_strings]
    if ask := getattr(module, "SECOND", ""):
        return Command(name, line, options, arguments[0], 0, arguments[1]._replace(source=ask, ask=ask))
    skip = next((i for i, value in enumerate(arguments) if value.source != ANYTHING), 0)
    return Command(name, line, options, arguments[skip] if arguments else None, skip)


def _option(action: argparse.Action) -> Option:
    takes = _value(action) if action.nargs is None else None
    return Option(tuple(action.option_strings), action.help or "", takes)


def _value(action: argparse.Action, states: tuple[str, ...] = ()) -> Value:
    name = action.metavar if isinstance(action.metavar, str) else action.dest
    if name == "COMMAND|TOPIC":
        return Value(WORDS, name, (*COMMANDS, *TOPICS))
    if action.choices is not None:
        return Value(WORDS, name, tuple(map(str, action.choices)))
    source = _SOURCES.get(name, ANYTHING)
    ask = {JOBS: " ".join((JOBS, *states)), METHODS: METHODS}.get(source, "")
    return Value(source, name, ask=ask)
