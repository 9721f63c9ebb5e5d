"""What makes a function fit for a task: ``@as_json``, ``@attempt``, ``@expand_args``, in this order."""

import inspect
import json
from collections.abc import Callable
from functools import wraps
from typing import Any

Function = Callable[..., Any]

_EXPANDED = inspect.Signature(
    [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)
        for name, default in (("args", ()), ("kwargs", None))
    ]
)


def expand_args(function: Function) -> Function:
    """Called with a list of arguments and a dictionary of keywords, either of them, or one single value."""

    @wraps(function)
    def expanded(args: Any = (), kwargs: dict[str, Any] | None = None) -> Any:
        if isinstance(args, dict) and not kwargs:
            return function(**args)
        many = args if isinstance(args, list | tuple | range) else (args,)
        return function(*many, **(kwargs or {}))

    vars(expanded)["__signature__"] = _EXPANDED  # what it takes now is not what *function* takes
    return expanded


def attempt(function: Function) -> Function:
    """An exception becomes a result: ``ERROR``, its text, with the ``ARGS`` and ``KWARGS`` of the call."""

    @wraps(function)
    def attempted(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            return {"ERROR": str(error) or type(error).__name__, "ARGS": args, "KWARGS": kwargs}

    return attempted


def as_json(function: Function) -> Function:
    """Results become JSON; text stays as it is, None becomes ``{}``.

    With ``return_as_dict=True`` among the keywords, or in a dictionary that is the first argument, the result
    comes back as it is.
    """

    @wraps(function)
    def dumped(*args: Any, **kwargs: Any) -> Any:
        args, kwargs, raw = _without_wish(args, kwargs)
        result = function(*args, **kwargs)
        if raw or isinstance(result, str):
            return result
        return json.dumps({} if result is None else result)

    return dumped


def _without_wish(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any], bool]:
    """The arguments without ``return_as_dict``, and what it said; the caller's dictionary is not changed."""
    kwargs = dict(kwargs)
    raw = bool(kwargs.pop("return_as_dict", False))
    if args and isinstance(args[0], dict) and "return_as_dict" in args[0]:
        first = dict(args[0])
        raw = bool(first.pop("return_as_dict")) or raw
        args = (first, *args[1:])
    return args, kwargs, raw
