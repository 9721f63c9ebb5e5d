"""A function as it travels: by the name of its module, or as text with all that it uses.

What is importable goes by name. What is defined in a script, a notebook or another function goes as text:
with the modules that it names, other functions of the same place, and plain values. It may not close over
variables, and a lambda has no name: both are refused here, with the reason.
"""

import builtins
import inspect
import os
import sys
import textwrap
from collections.abc import Callable
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

from labd.errors import UsageError

PLAIN = (bool, int, float, complex, str, bytes, type(None))


class Shipped(NamedTuple):
    """A function: its name, its text where it goes as text, and the folders to find its module in."""

    function: str
    source: str | None = None
    path: tuple[str, ...] = ()


def ship(function: Callable[..., Any] | str) -> Shipped:
    """*function* as a map takes it; a text is ``module:name``. Raises UsageError for what cannot travel."""
    if isinstance(function, str):
        return Shipped(function, None, _path())
    if not isinstance(function, FunctionType):
        return _named(function)
    if function.__name__ == "<lambda>":
        raise UsageError("a lambda cannot travel", hint="write it as a function with def")
    if function.__module__ != "__main__" and "<locals>" not in function.__qualname__:
        return _named(function)
    return Shipped(function.__name__, _Text().of(function))


def _named(function: Any) -> Shipped:
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    found: Any = sys.modules.get(module or "")
    for part in (name or "").split("."):
        found = getattr(found, part, None)
    if module in (None, "__main__") or found is not function:
        raise UsageError(f"{function!r} cannot travel: no module has it", hint="define a function with def")
    return Shipped(f"{module}:{name}", None, _path())


def _path() -> tuple[str, ...]:
    """Where this program finds its own modules, apart from what is installed."""
    installed = (sys.prefix, sys.base_prefix)
    found = (os.path.abspath(path) for path in sys.path)
    return tuple(dict.fromkeys(p for p in found if os.path.isdir(p) and not p.startswith(installed)))


class _Text:
    """The text of a function, behind the text of all that it uses."""

    def __init__(self) -> None:
        self._parts: dict[str, str] = {}

    def of(self, function: FunctionType) -> str:
        self._add(function)
        return "\n".join(self._parts.values())

    def _add(self, function: FunctionType) -> None:
        self._parts[function.__name__] = ""
        if function.__closure__:
            names = ", ".join(function.__code__.co_freevars)
            raise UsageError(
                f"function {function.__name__} closes over {names}", hint="give it these as arguments"
            )
        try:
            text = textwrap.dedent(inspect.getsource(function))
        except (OSError, TypeError):
            raise UsageError(
                f"the source of function {function.__name__} is not there", hint="put it into a module"
            ) from None
        for name in sorted(_names(function.__code__)):
            if name in function.__globals__ and name not in self._parts:
                self._use(function, name, function.__globals__[name])
        del self._parts[function.__name__]  # what it uses comes before it
        self._parts[function.__name__] = text

    def _use(self, function: FunctionType, name: str, value: Any) -> None:
        if isinstance(value, ModuleType):
            self._parts[name] = f"import {value.__name__} as {name}\n"
        elif isinstance(value, FunctionType) and value.__module__ == "__main__" and value.__name__ == name:
            self._add(value)
        elif _importable(value):
            self._parts[name] = f"from {value.__module__} import {value.__qualname__} as {name}\n"
        elif _plain(value):
            self._parts[name] = f"{name} = {value!r}\n"
        elif getattr(builtins, name, None) is not value:
            raise UsageError(
                f"function {function.__name__} uses {name}, a {type(value).__name__} that cannot travel",
                hint="give it as an argument, or put the function into a module",
            )


def _names(code: CodeType) -> set[str]:
    """The global names that *code* and the functions in it may use."""
    inner = (const for const in code.co_consts if isinstance(const, CodeType))
    return set(code.co_names).union(*(_names(each) for each in inner))


def _importable(value: Any) -> bool:
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
    return (
        isinstance(name, str)
        and module not in (None, "__main__")
        and (getattr(sys.modules.get(str(module)), name, None) is value)
    )


def _plain(value: Any) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return type(value).__module__ == "builtins" and all(map(_plain, value))
    if isinstance(value, dict):
        return type(value) is dict and all(_plain(k) and _plain(v) for k, v in value.items())
    return type(value) in PLAIN
