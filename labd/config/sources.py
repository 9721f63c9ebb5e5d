"""The sources of configuration, read: files, ``LABD_SECTION__KEY`` variables, ``-o section.key=value``."""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from labd import paths
from labd.config.lines import find_lines, split_key
from labd.config.origins import Origin, Source
from labd.config.problems import ConfigErrors, Problem

_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def find_files(
    given: str | None = None, env: Mapping[str, str] | None = None, uid: int | None = None
) -> list[str]:
    """The files to load: the main file, then ``conf.d/*.toml`` beside it, sorted.

    *given* (``--config``) is always listed, so that loading complains when it is missing; the usual file
    is listed only when it is there. Raises ConfigErrors when the folder is there and cannot be read.
    """
    main = given or f"{paths.find(env, uid).config}/labd.toml"
    folder = os.path.join(os.path.dirname(main), "conf.d")
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".toml") and name[0] != ".")
    except (FileNotFoundError, NotADirectoryError):
        names = []
    except OSError as error:
        raise ConfigErrors([_unreadable(folder, error)]) from None
    return [main] * bool(given or os.path.lexists(main)) + [os.path.join(folder, name) for name in names]


def read_file(path: str) -> tuple[Source | None, list[Problem]]:
    """The file as a source, or what is wrong with it as a file of TOML."""
    try:
        with open(path, "rb") as file:
            raw, mode = file.read(), os.fstat(file.fileno()).st_mode
    except OSError as error:
        return None, [_unreadable(path, error)]
    try:
        text = raw.decode()
        tree = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return None, [Problem(Origin("file", path, line), "", "", "is not UTF-8 text")]
    except (ValueError, RecursionError) as error:
        return None, [_syntax_problem(path, text, error)]
    return Source("file", path, tree, find_lines(text), private=not mode & 0o077), []


def _unreadable(path: str, error: OSError) -> Problem:
    return Problem(Origin("file", path), "", "", f"cannot be read: {error.strerror}")


def _syntax_problem(path: str, text: str, error: Exception) -> Problem:
    """What tomllib says, with its place; the line itself is not shown, as it may hold a secret."""
    what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    found = _POSITION.search(what)
    line, column = (int(found[1]), int(found[2])) if found and found[1] else _end(text) if found else (0, 0)
    what = _POSITION.sub("", what)
    return Problem(Origin("file", path, line), "", "", f"not TOML: {what[:1].lower()}{what[1:]}", column)


def _end(text: str) -> tuple[int, int]:
    return text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1


def read_environment(env: Mapping[str, str]) -> list[Source]:
    """A source for every ``LABD_SECTION__KEY``; names without ``__`` are not configuration."""
    names = sorted(name for name in env if name.startswith("LABD_") and "__" in name[5:])
    return [_setting("env", name, tuple(name[5:].lower().split("__")), env[name]) for name in names]


def read_options(options: Iterable[str]) -> tuple[list[Source], list[Problem]]:
    """A source for every ``section.key=value``, and a problem for every one of another form."""
    sources, problems = [], []
    for option in options:
        key, (_, equals, text) = option_key(option), option.partition("=")
        try:
            path = split_key(key)
        except (ValueError, RecursionError):
            path = ()
        if equals and path:
            sources.append(_setting("option", key, path, text))
        else:
            problems.append(Problem(Origin("option", key), "", "", "write -o section.key=value"))
    return sources, problems


def option_key(option: str) -> str:
    """The part of ``section.key=value`` that names the setting."""
    return option.partition("=")[0].strip()


def _setting(kind: Any, name: str, path: tuple[str, ...], text: str) -> Source:
    tree: Any = parse_value(text)
    for part in reversed(path):
        tree = {part: tree}
    return Source(kind, name, tree, text=text, leaf=path)


def parse_value(text: str) -> Any:
    """*text* as a TOML value, or itself when it is none."""
    try:
        tree = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return tree["value"] if len(tree) == 1 else text
