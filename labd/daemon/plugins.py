"""Finds plugins, without importing any: the built-in ones, and entry points of other distributions."""

import importlib
import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial, reduce
from typing import NamedTuple

from labd.daemon import installed
from labd.daemon.installed import Entry

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

    @property
    def ships(self) -> bool:
        """Whether it comes with labd itself."""
        return self.builtin or self.distribution == "labd"


def find(builtin: Iterable[str] = BUILTIN, *, path: list[str] | None = None) -> list[Found]:
    """Built-in plugins in their order, then those of other distributions by name and distribution.

    *path* replaces ``sys.path`` for looking up distributions. Reads files: call it off the loop.
    """
    return [*map(_builtin, builtin), *sorted(_installed(path), key=lambda found: found[:3])]


def _builtin(dotted: str) -> Found:
    name = dotted.rpartition(".")[2]
    return Found(name, dotted, "labd", "", lambda: importlib.import_module(dotted), builtin=True)


def _installed(path: list[str] | None) -> Iterator[Found]:
    for folder in installed.folders(path):
        try:
            yield from [_found(folder, entry) for entry in installed.entries(folder, GROUP)]
        except Exception as error:  # metadata that pip would not write; there is no name to report
            log.warning("cannot read the metadata of an installed package: %r", error)


def _found(folder: str, entry: Entry) -> Found:
    module, _, attribute = (part.strip() for part in entry.value.partition("[")[0].partition(":"))
    return Found(
        entry.name, module, *installed.about(folder), partial(_load, module, attribute),
        modules=lambda: _modules(folder),
    )  # fmt: skip


def _load(module: str, attribute: str) -> object:
    return reduce(getattr, filter(None, attribute.split(".")), importlib.import_module(module))


def _modules(folder: str) -> list[str]:
    from importlib.metadata import Distribution  # it takes long, and only a reload asks

    files = Distribution.at(folder).files or ()
    ours = [file for file in files if file.suffix == ".py" and ".." not in file.parts]
    return [".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in ours]
