"""The manual pages of labd: the daemon's commands, and every setting of its configuration."""

import argparse
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import msgspec

from labd import __version__
from labd.cli import exits, labd, manpage
from labd.cli.manual import file, options, see_also
from labd.config import Config, load
from labd.config.annotations import description, unwrap
from labd.config.names import setting_paths
from labd.config.origins import dotted
from labd.config.show import as_toml
from labd.config.words import accepted


def pages() -> dict[str, str]:
    """Both pages by the names of their files."""
    return {file("labd"): labd_page(), file("labd.toml", 5): settings_page()}


def labd_page() -> str:
    """labd(1)."""
    top = labd.parser()
    parts = [
        manpage.section("SYNOPSIS", manpage.prose("`labd` [options] [COMMAND ...]")),
        manpage.section(
            "DESCRIPTION", manpage.prose(f"{top.description} Without a command it is `labd run`.")
        ),
        manpage.section("OPTIONS", options(top._actions)),
        '.SH "COMMANDS"',
        *(manpage.subsection(title, body) for title, body in _commands()),
        manpage.section("EXIT STATUS", manpage.terms((str(n), text) for n, text in exits.TABLE.items())),
        see_also(["labctl(1)", "labd.toml(5)"]),
    ]
    return manpage.page("labd", 1, "the daemon of a lab machine", __version__, parts)


def _commands() -> Iterator[tuple[str, str]]:
    made = argparse.ArgumentParser(prog="labd").add_subparsers()
    for name, line in labd.COMMANDS.items():
        import_module(f"labd.cli.commands.{name}").add_parser(made)
        parser = made.choices[name]
        yield f"labd {name}", _told(line, parser)
        for inner in [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]:
            for choice in inner._choices_actions:
                yield f"labd {name} {choice.dest}", _told(choice.help or "", inner.choices[choice.dest])


def _told(line: str, parser: argparse.ArgumentParser) -> str:
    shown = [
        a for a in parser._actions if not isinstance(a, argparse._HelpAction | argparse._SubParsersAction)
    ]
    about = manpage.prose(f"{line[:1].upper()}{line[1:]}.")
    return "\n".join(part for part in (about, options(shown)) if part)


def settings_page() -> str:
    """labd.toml(5)."""
    parts = [
        manpage.section("DESCRIPTION", manpage.prose(_ABOUT)),
        *(_section(section) for section in msgspec.structs.fields(Config)),
        see_also(["labd(1)", "labctl(1)"]),
    ]
    return manpage.page("labd.toml", 5, "the configuration of labd", __version__, parts)


_ABOUT = """The configuration is TOML: a table for each section below, and one `[plugins.NAME]` for each
plugin. `labd config check` names every mistake with its line, `labd config show --origin` what is in
force and why.

A setting also comes from the environment, as `LABD_SECTION__KEY`, and from `labd -o SECTION.KEY=VALUE`."""


def _section(section: Any) -> str:
    defaults = _defaults(section.name)
    paths = list(setting_paths(section.type, (section.name,)))
    listed = manpage.terms((dotted(path), _meaning(section, path, defaults)) for path in paths)
    about = manpage.prose(section.type.__doc__ or "")
    return manpage.section(f"[{section.name}]", "\n".join(part for part in (about, listed) if part))


def _meaning(section: Any, path: Any, defaults: dict[str, str]) -> str:
    """What a setting means, takes and is without being set."""
    annotation = next(f.type for f in msgspec.structs.fields(section.type) if f.encode_name == path[1])
    restart = " A change needs a restart." if unwrap(annotation).extra("restart") else ""
    usual = defaults.get(str(path[1]), "")
    return f"{description(annotation)}{restart} Takes {accepted(annotation)}. Default: `{usual}`."


def _defaults(name: str) -> dict[str, str]:
    text = as_toml(load())
    lines = text.partition(f"[{name}]\n")[2].partition("\n[")[0].splitlines()
    return {key: value for key, equals, value in (line.partition(" = ") for line in lines) if equals}
