"""Small things that programs with jobs need; names and rules are those of ``dl_jobs.helpers``."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

FALSE = frozenset({"false", "none", "no", "null", "f", "n", "0"})
"""Every text that stands for false, in any case; all others are true, the empty one too."""

TRUE = frozenset({"true", "yes", "t", "y", "1"})


def truthy(value: Any) -> Any:
    """*value* as a boolean when it is text; what is a boolean, an int or None comes back as it is.

    Raises ValueError for anything else.
    """
    if isinstance(value, str):
        return value.lower() not in FALSE
    if value is None or isinstance(value, int):
        return value
    raise ValueError(f"{value!r} is neither text nor a boolean, a whole number or None")


def flag(value: Any) -> bool:
    """*value* as a boolean: text by the rule of :func:`truthy`, everything else as Python sees it."""
    return bool(truthy(value)) if isinstance(value, str) else bool(value)


def bool_str(value: Any) -> Any:
    """True or False for a text that clearly says so; everything else unchanged."""
    if isinstance(value, str) and value.lower() in FALSE | TRUE:
        return value.lower() in TRUE
    return value


def is_str(value: Any) -> bool:
    """Whether *value* is text."""
    return isinstance(value, str)


def copy_update(data: dict[Any, Any], update: Any, value: Any = None) -> dict[Any, Any]:
    """A deep copy of *data*, changed by the dictionary *update*, or with the key *update* set to *value*."""
    copy = deepcopy(data)
    if isinstance(update, dict):
        copy.update(update)
    elif update:
        copy[update] = value
    return copy


def update_list(data: dict[Any, Any], values: Iterable[Any], key: Any = None) -> list[dict[Any, Any]]:
    """For each of *values* a deep copy of *data*: changed by it, or with *key* set to it."""
    if key is None:
        return [copy_update(data, value) for value in values]
    return [copy_update(data, key, value) for value in values]
