"""The modules of one plugin, which have to leave ``sys.modules`` before its code can be read again."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import invalidate_caches
from importlib.machinery import ExtensionFileLoader
from types import ModuleType

from labd.daemon.plugins import Found


def own_modules(found: Found) -> list[str]:
    """The imported modules that belong to *found* alone.

    They are those of its distribution, and those below the outermost package of its entry point that is
    not a namespace (that may be others', too). Modules in C stay: they cannot be loaded twice.
    """
    root = found.module if found.builtin else _root(found.module)
    named = {root, *found.modules()}
    mine = [name for name in sys.modules if name in named or name.startswith(f"{root}.")]
    return [name for name in mine if _may_leave(name, found)]


@contextmanager
def imported_anew(found: Found) -> Iterator[None]:
    """Within it the modules of *found* are imported from their files; what was there returns on an error."""
    aside = {name: sys.modules.pop(name) for name in own_modules(found)}
    invalidate_caches()
    try:
        yield
    except BaseException:
        for name in own_modules(found):
            del sys.modules[name]
        _put_back(aside)
        raise


def _put_back(modules: dict[str, ModuleType]) -> None:
    sys.modules.update(modules)
    for name, module in modules.items():
        parent, _, leaf = name.rpartition(".")
        if parent in sys.modules:
            setattr(sys.modules[parent], leaf, module)


def _root(dotted: str) -> str:
    for name in _ancestors(dotted.split(".")):
        if getattr(sys.modules.get(name), "__file__", None):
            return name
    return dotted


def _ancestors(parts: list[str]) -> Iterable[str]:
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _may_leave(name: str, found: Found) -> bool:
    spec = getattr(sys.modules[name], "__spec__", None)
    in_c = isinstance(getattr(spec, "loader", None), ExtensionFileLoader)
    return not in_c and (found.builtin or name.partition(".")[0] != "labd")
