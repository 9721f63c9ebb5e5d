"""The tables ``[plugins.NAME]``, each checked against the struct that its plugin brings."""

import fnmatch
from collections.abc import Iterable
from typing import TypeVar, overload

import msgspec

from labd.config.check import Checked, check
from labd.config.lines import Path
from labd.config.load import Loaded, in_order
from labd.config.origins import MISSING, Source
from labd.config.problems import ConfigErrors, Problem
from labd.config.words import nearest

S = TypeVar("S", bound=msgspec.Struct)


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a plugin that has none: any key in its table is a mistake."""


@overload
def check_plugin(name: str, struct: type[S], loaded: Loaded) -> S: ...
@overload
def check_plugin(name: str, struct: None, loaded: Loaded) -> None: ...
def check_plugin(name: str, struct: type[S] | None, loaded: Loaded) -> S | None:
    """``[plugins.NAME]`` as an instance of *struct*; None when the plugin has no settings.

    Raises ConfigErrors with every problem of the table.
    """
    checked = examine_plugin(name, struct or NoSettings, loaded)
    if checked.problems:
        raise ConfigErrors(checked.problems)
    result: S = checked.value
    return result if struct else None


def examine_plugin(name: str, struct: type[msgspec.Struct], loaded: Loaded) -> Checked:
    """The same with the origin of every value, and with problems instead of an exception."""
    sources = [_named(source, name) for source in loaded.sources]
    checked = check(struct, sources, loaded.env, ("plugins", name))
    return checked._replace(problems=in_order(checked.problems, [source.name for source in sources]))


def unknown_plugins(loaded: Loaded, known: Iterable[str]) -> list[Problem]:
    """A problem for every place that names a plugin which is not one of *known*."""
    known = list(known)
    problems = []
    for source in loaded.sources:
        for path, name in _plugins_named(source):
            if not fnmatch.filter(known, name) and not (source.kind == "env" and name in map(_folded, known)):
                key = ".".join(map(str, path[:2]))
                problems.append(Problem(source.origin(path), key, "", _no_plugin(name, known)))
    return in_order(problems, [source.name for source in loaded.sources])


def _plugins_named(source: Source) -> list[tuple[Path, str]]:
    tables = source.get(("plugins",))
    if tables is MISSING:
        return []
    found: list[tuple[Path, str]] = [
        (("plugins", key), key) for key, value in tables.items() if isinstance(value, dict)
    ]
    for key in ("enabled", "disabled"):
        found += [(("plugins", key, index), name) for index, name in enumerate(tables.get(key, []))]
    return found


def _no_plugin(name: str, known: list[str]) -> str:
    near = nearest(name, known)
    return f'there is no plugin "{name}"; ' + (
        f'did you mean "{near}"?' if near else f"there are: {', '.join(known) or 'none'}"
    )


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")


def _named(source: Source, name: str) -> Source:
    """A variable's name has neither ``-`` nor capitals: let it mean the plugin whose name has."""
    folded = _folded(name)
    if source.kind != "env" or source.get(("plugins", folded)) is MISSING:
        return source
    tree = {"plugins": {name: source.get(("plugins", folded))}}
    return source._replace(tree=tree, leaf=("plugins", name, *source.leaf[2:]))
