"""The generated parts about commands: what their parsers accept, the same for every version of Python."""

import argparse
from importlib import import_module
from types import ModuleType
from typing import Any

from docs.tables import table
from labd.cli import labctl, labd, names

HIDDEN = (argparse._HelpAction,)

UNSAID = {"help": "print the commands, or the help of one", "version": "print the version of labd"}
"""What labctl says in its overview instead of its parser."""


def labctl_overview() -> str:
    """The commands of labctl in one table."""
    rows = [
        [f"[`{name}`](#labctl-{name})", line]
        for group in names.GROUPS.values()
        for name, line in group.items()
    ]
    return table(["command", "what it does"], rows)


def labctl_commands() -> str:
    """Every command of labctl: what it does, what it takes, how it is used."""
    return "\n\n".join(_labctl(name, labctl.load(name)) for name in names.COMMANDS)


def labctl_globals() -> str:
    """The options that stand before or after every command."""
    return _options(labctl.root_parser())


def _labctl(name: str, module: ModuleType) -> str:
    parser = labctl.command_parser(name, module)
    shared = {option for action in labctl.root_parser()._actions for option in action.option_strings}
    examples = getattr(module, "EXAMPLES", [])
    about, _, more = (parser.description or "").partition("\n")
    parts = [f"## labctl {name}", _sentence(about), more, _usage(f"labctl {name}", parser, shared)]
    parts += [_options(parser, shared), _examples(examples)]
    return "\n\n".join(part.strip() for part in parts if part.strip())


def _usage(prog: str, parser: argparse.ArgumentParser, shared: set[str]) -> str:
    if parser.usage:
        return f"```text\n{parser.usage}\n```"
    options = any(a.option_strings and not shared & set(a.option_strings) for a in _actions(parser))
    words = [_argument(action) for action in _actions(parser) if not action.option_strings]
    return "```text\n" + " ".join([prog, *(["[options]"] if options else []), *words]) + "\n```"


def _argument(action: argparse.Action) -> str:
    name = _metavar(action)
    return {"*": f"[{name} ...]", "+": f"{name} ...", "?": f"[{name}]"}.get(str(action.nargs), name)


def _metavar(action: argparse.Action) -> str:
    return action.metavar if isinstance(action.metavar, str) else action.dest.upper()


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if not isinstance(action, HIDDEN)]


def _options(parser: argparse.ArgumentParser, shared: set[str] = frozenset()) -> str:  # type: ignore[assignment]
    """Arguments and options with their help, but for those that every command has."""
    own = [action for action in _actions(parser) if not shared & set(action.option_strings)]
    rows = [[f"`{_names(action)}`", _help(action)] for action in own if action.dest != "command"]
    return table(["argument or option", "meaning"], rows) if rows else ""


def _names(action: argparse.Action) -> str:
    if not action.option_strings:
        return _metavar(action)
    value = f" {_metavar(action)}" if action.nargs is None else ""
    return ", ".join(action.option_strings) + value


def _help(action: argparse.Action) -> str:
    repeats = isinstance(action, argparse._AppendAction) and "several times" not in (action.help or "")
    return (action.help or UNSAID.get(action.dest, "")) + ("; may be given several times" if repeats else "")


def _examples(examples: list[tuple[str, str]]) -> str:
    if not examples:
        return ""
    lines = [line for command, why in examples for line in (f"# {why}", command)]
    return "```sh\n" + "\n".join(lines) + "\n```"


def labd_commands() -> str:
    """The commands of labd, and what they take."""
    top = argparse.ArgumentParser(prog="labd")
    commands = top.add_subparsers()
    for name in labd.COMMANDS:
        import_module(f"labd.cli.commands.{name}").add_parser(commands)
    found: dict[str, argparse.ArgumentParser] = dict(commands.choices)
    return "\n\n".join(_labd(name, line, found[name]) for name, line in labd.COMMANDS.items())


def _labd(name: str, line: str, parser: argparse.ArgumentParser) -> str:
    parts = [f"## labd {name}", _sentence(line)]
    parts += [_options(parser)] if not _nested(parser) else []
    for inner, below in _nested(parser).items():
        parts += [f"### labd {name} {inner}", _below(parser, inner), _options(below)]
    return "\n\n".join(part.strip() for part in parts if part.strip())


def _nested(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found: list[Any] = [
        action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    ]
    return dict(found[0].choices) if found else {}


def _below(parser: argparse.ArgumentParser, inner: str) -> str:
    [action] = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    [text] = [c.help or "" for c in action._choices_actions if c.dest == inner]
    return _sentence(text)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def labd_globals() -> str:
    """The options before a command of labd."""
    return _options(labd.parser())
