"""Distributions that are installed, read from their metadata folders on ``sys.path``.

importlib.metadata says the same, but it parses every METADATA as an e-mail: a third of a start went there.
Formats: https://packaging.python.org/en/latest/specifications/recording-installed-packages/ and
https://packaging.python.org/en/latest/specifications/entry-points/
"""

import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

log = logging.getLogger("labd.plugins")

KINDS = (".dist-info", ".egg-info")


class Entry(NamedTuple):
    """An entry point: *value* is ``module`` or ``module:attribute``."""

    name: str
    value: str


def folders(path: Iterable[str] | None = None) -> Iterator[str]:
    """The metadata folder of every distribution; the first of a name, as that is the one imported."""
    seen: set[str] = set()
    for place in sys.path if path is None else path:
        for folder in _in(place or "."):
            if (name := _named(folder)) not in seen:
                seen.add(name)
                yield f"{place or '.'}/{folder}"


def entries(folder: str, group: str) -> list[Entry]:
    """What the distribution offers in *group*. Raises OSError, UnicodeDecodeError, ValueError."""
    try:
        with open(f"{folder}/entry_points.txt", encoding="utf-8") as file:
            text = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return []
    return list(_of_group(text, group)) if f"[{group}]" in text else []


def about(folder: str) -> tuple[str, str]:
    """Its name and version. Raises OSError, UnicodeDecodeError, ValueError."""
    kept = "METADATA" if folder.endswith(KINDS[0]) else "PKG-INFO"
    with open(f"{folder}/{kept}", encoding="utf-8") as file:
        found = dict(_headers(file))
    if not found.get("name"):
        raise ValueError(f"{folder}/{kept} says no name")
    return found["name"], found.get("version", "")


def version(name: str) -> str:
    """The version of the distribution *name*. Raises LookupError when it is not installed."""
    for folder in folders():
        if _named(os.path.basename(folder)) == _normal(name):
            return about(folder)[1]
    raise LookupError(f"{name} is not installed: it has no metadata on sys.path")


def _in(place: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(place) if name.endswith(KINDS))
    except OSError:  # it is not there, or is no folder
        return []


def _named(folder: str) -> str:
    if folder.endswith(KINDS[0]):
        return _normal(folder.removesuffix(KINDS[0]).rpartition("-")[0])  # name-version
    return _normal(folder.removesuffix(KINDS[1]).partition("-")[0])  # name, and often version and Python


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _headers(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The fields up to the empty line that ends them."""
    for line in lines:
        if not line.strip():
            return
        name, _, value = line.partition(":")
        yield name.lower(), value.strip()


def _of_group(text: str, group: str) -> Iterator[Entry]:
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line.strip("[] ")
        elif section == group and line and line[0] not in "#;":
            name, _, value = line.partition("=")
            yield Entry(name.strip(), value.strip())
