"""The manual pages of labctl, from what ``--help`` says."""

import argparse
from collections.abc import Iterable

from labd import __version__
from labd.cli import exits, manpage, topics
from labd.cli.labctl import ABOUT, command_parser, load, root_parser
from labd.cli.names import COMMANDS, GROUPS
from labd.cli.parser import Parser

TOPICS = ("jobs", "directives", "environment")
"""What ``labctl help`` explains besides, as sections of labctl(1)."""


def pages() -> dict[str, str]:
    """Every page of labctl by the name of its file: ``man1/labctl-submit.1``."""
    found = {file("labctl"): labctl_page()}
    return found | {file(f"labctl-{name}"): command_page(name) for name in COMMANDS}


def file(name: str, chapter: int = 1) -> str:
    return f"man{chapter}/{name}.{chapter}"


def labctl_page() -> str:
    """labctl(1)."""
    root = root_parser()
    parts = [
        manpage.section("SYNOPSIS", manpage.prose("`labctl` [options] COMMAND ...")),
        manpage.section("DESCRIPTION", manpage.prose(_DESCRIPTION)),
        *_commands(),
        manpage.section("OPTIONS", options(root._actions)),
        manpage.section("EXIT STATUS", manpage.terms((str(n), text) for n, text in exits.TABLE.items())),
        *(_topic(name) for name in TOPICS),
        see_also(["labd(1)", "labd.toml(5)", *(f"labctl-{name}(1)" for name in COMMANDS)]),
    ]
    return manpage.page("labctl", 1, "ask labd, the daemon of a lab machine", __version__, parts)


_DESCRIPTION = f"""{ABOUT} `labctl COMMAND --help` explains a command, and so does its own page.

What labctl prints on standard output is data, what it says to people goes to standard error."""


def _commands() -> list[str]:
    groups = [
        manpage.subsection(title, manpage.terms((f"labctl-{name}(1)", line) for name, line in group.items()))
        for title, group in GROUPS.items()
    ]
    return ['.SH "COMMANDS"', *groups]


def _topic(name: str) -> str:
    return manpage.section(name.upper(), manpage.verbatim(topics.TOPICS[name]().splitlines()))


def command_page(name: str) -> str:
    """The page of one command."""
    module = load(name)
    parser = command_parser(name, module)
    line, _, more = (parser.description or "").partition("\n")
    parts = [
        manpage.section("SYNOPSIS", manpage.prose(usage(parser))),
        manpage.section("DESCRIPTION", manpage.prose(more)),
        manpage.section("OPTIONS", _groups(parser)),
        manpage.section("EXAMPLES", examples(module.EXAMPLES)),
        see_also(["labctl(1)"]),
    ]
    return manpage.page(f"labctl-{name}", 1, line, __version__, parts)


def usage(parser: argparse.ArgumentParser) -> str:
    """How a command is called, its name in backquotes."""
    given = parser.usage or f"{parser.prog} [options] {_arguments(parser)}"
    return given.strip().replace(parser.prog, f"`{parser.prog}`", 1)


def _arguments(parser: argparse.ArgumentParser) -> str:
    forms = {"*": "[{} ...]", "+": "{} ...", "?": "[{}]"}
    plain = [action for action in parser._actions if not action.option_strings]
    return " ".join(forms.get(str(action.nargs), "{}").format(metavar(action)) for action in plain)


def _groups(parser: Parser) -> str:
    """Arguments and options, under the titles that ``--help`` has."""
    usual, titled = parser._action_groups[:2], parser._action_groups[2:]
    parts = [options(action for group in usual for action in group._group_actions)]
    parts += [manpage.subsection(str(g.title).capitalize(), options(g._group_actions)) for g in titled]
    return "\n".join(part for part in parts if part)


def options(actions: Iterable[argparse.Action]) -> str:
    """What each argument and option means."""
    return manpage.terms((_term(action), action.help or HELP_OF.get(action.dest, "")) for action in actions)


HELP_OF = {"help": "explain it, and leave", "version": "print the version of labd, and leave"}
"""What is said of options that labctl explains in its overview instead of its parser."""


def _term(action: argparse.Action) -> str:
    value = f" {metavar(action)}" if action.nargs is None else ""
    return ", ".join(action.option_strings) + value if action.option_strings else metavar(action)


def metavar(action: argparse.Action) -> str:
    return action.metavar if isinstance(action.metavar, str) else action.dest.upper()


def examples(found: list[tuple[str, str]]) -> str:
    """Commands, each below what it is for."""
    return "\n".join(
        f"{manpage.prose(f'{why}:')}\n{manpage.indented([command])}\n.PP" for command, why in found
    )


def see_also(others: list[str]) -> str:
    return manpage.section("SEE ALSO", manpage.prose(", ".join(others)))
