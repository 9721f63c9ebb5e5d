"""What a worker offers: from ``module:name`` to the function for a method."""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any


def find(target: str, arguments: dict[str, Any]) -> object:
    """The module, or the object, whose functions are to be called; whatever its code raises."""
    module, _, name = target.partition(":")
    found: Any = importlib.import_module(module)
    for part in filter(None, name.split(".")):
        found = getattr(found, part)
    if callable(found):
        return found(**arguments)
    if arguments:
        raise TypeError(f"{target} is a {type(found).__name__} and takes no arguments")
    return found


def pick(service: object, method: str) -> Callable[..., Any]:
    """The public function *method* of *service*. Raises LookupError with the nearest name."""
    found = None if method.startswith("_") else getattr(service, method, None)
    if callable(found):
        return found  # type: ignore[no-any-return]
    names = [name for name in dir(service) if not name.startswith("_") and callable(getattr(service, name))]
    import difflib  # rarely needed, and slow to load

    near = difflib.get_close_matches(method, names, 1)
    where = service.__name__ if isinstance(service, ModuleType) else type(service).__name__
    raise LookupError(f"{where} has no method {method!r}" + (f"; is it {near[0]!r}?" if near else ""))
