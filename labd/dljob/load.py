"""Finding a function by its name, and what it takes."""

import inspect
import os
import traceback
from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from labd.dljob.work import Failure
from labd.errors import UsageError

Function = Callable[..., Any]

_HERE = os.path.dirname(__file__) + os.sep


def function(module: str, name: str) -> Function:
    """The function *name* of *module*. Raises UsageError that says what is missing, or what broke."""
    found = getattr(_module(module), name, None)
    if callable(found):
        return found  # type: ignore[no-any-return]
    if found is not None:
        raise UsageError(f"{module}.{name} is no function but {type(found).__name__}")
    known = [key for key, value in vars(_module(module)).items() if callable(value) and key[:1] != "_"]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"it has: {', '.join(known) or 'no function'}"
    raise UsageError(f"module {module} has no function {name}", hint=hint)


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            hint = "run this in the project's root folder, or set PROJECT_DIR"
            raise UsageError(f"there is no module {error.name}", hint=hint) from None
        raise _broken(name, error) from error
    except (Exception, SystemExit) as error:  # whatever a module does as it is imported
        raise _broken(name, error) from error


def _broken(name: str, error: BaseException) -> UsageError:
    return UsageError(f"module {name} cannot be imported\n{trace(error)}".rstrip())


def takes(module: str, name: str, *names: str) -> bool:
    """Whether the function has parameters called *names*. Raises UsageError."""
    parameters = inspect.signature(function(module, name)).parameters.values()
    plain = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return plain >= set(names)


def failure(error: BaseException) -> Failure:
    """An exception of somebody's function, as it is kept."""
    return Failure(type(error).__name__, str(error), trace(error))


def trace(error: BaseException) -> str:
    """The traceback without the frames of labd and of the machinery of imports."""
    whole = traceback.TracebackException.from_exception(error)
    frames = [frame for frame in whole.stack if not _ours(frame.filename)]
    whole.stack = traceback.StackSummary.from_list(frames)
    return "".join(whole.format(chain=False)).rstrip()


def _ours(filename: str) -> bool:
    return (
        filename == __file__ or filename.startswith((_HERE, "<frozen importlib")) or "/importlib/" in filename
    )


_HERE = __file__.rpartition("/")[0] + "/"
