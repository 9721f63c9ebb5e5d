"""The loader ``python``: a class, found by its name."""

from __future__ import annotations

from importlib import import_module

from labd.plugins.serving.worker import contract

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from labd.plugins.serving.worker.context import Context


def load(context: Context) -> Any:
    """An object of the class, made with the model's arguments; an object or a module is taken as it is."""
    module, _, name = context.target.partition(":")
    found: Any = import_module(module)
    for part in filter(None, name.split(".")):
        found = getattr(found, part)
    if isinstance(found, type) and hasattr(found, "get_model"):
        return contract.adapt(found, context)
    return found(**context.arguments) if isinstance(found, type) or not hasattr(found, "predict") else found
