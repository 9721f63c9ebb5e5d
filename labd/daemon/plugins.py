"""Finds plugins, without importing any: the built-in ones, and entry points of other distributions.

Entry points: https://packaging.python.org/en/latest/specifications/entry-points/
"""

import importlib
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import NamedTuple

GROUP = "labd.plugins"

BUILTIN: tuple[str, ...] = ()
"""Dotted names of the modules of the plugins that ship with labd; the last part is the plugin's name."""

log = logging.getLogger("labd.plugins")


class Found(NamedTuple):
    """A plugin that could be imported, by :attr:`load`."""

    name: str
    module: str
    distribution: str
    version: str
    load: Callable[[], object]
    builtin: bool = False
    modules: Callable[[], Iterable[str]] = tuple
    """Names of the modules that its distribution says it has brought."""


def find(builtin: Iterable[str] = BUILTIN, *, path: list[str] | None = None) -> list[Found]:
    """Built-in plugins in their order, then those of other distributions by name and distribution.

    *path* replaces ``sys.path`` for looking up distributions. Reads files: call it off the loop.
    """
    return [*map(_builtin, builtin), *sorted(_installed(path), key=lambda found: found[:3])]


def _builtin(dotted: str) -> Found:
    name = dotted.rpartition(".")[2]
    return Found(name, dotted, "labd", "", lambda: importlib.import_module(dotted), builtin=True)


def _installed(path: list[str] | None) -> Iterator[Found]:
    seen: set[str] = set()
    for distribution in distributions(path=path) if path is not None else distributions():
        try:
            name = distribution.name
            normal = re.sub(r"[-_.]+", "-", name).lower()
            if normal not in seen:  # the first on the path is the one that would be imported
                seen.add(normal)
                yield from [_found(distribution, entry) for entry in _entries(distribution)]
        except Exception as error:  # metadata that pip would not write; there is no name to report
            log.warning("cannot read the metadata of an installed package: %r", error)


def _entries(distribution: Distribution) -> list[EntryPoint]:
    return [entry for entry in distribution.entry_points if entry.group == GROUP]


def _found(distribution: Distribution, entry: EntryPoint) -> Found:
    module = entry.value.partition(":")[0].strip()
    return Found(
        entry.name, module, distribution.name, distribution.version, entry.load,
        modules=lambda: _modules(distribution),
    )  # fmt: skip


def _modules(distribution: Distribution) -> list[str]:
    files = [file for file in distribution.files or () if file.suffix == ".py" and ".." not in file.parts]
    return [".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files]
