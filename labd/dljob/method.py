"""The function that makes the jobs of ``run``: found by its name, called with the words and what it wants."""

import inspect
from typing import Any

from labd.dljob import load
from labd.dljob.job import DLJob
from labd.dljob.settings import Settings
from labd.dljob.words import Words
from labd.errors import LabdError, UsageError, WorkerError

OFFERED = ("cpus", "gpus", "cpu_job", "cpu_image", "gpu_image", "noisy")
QUIET = ("cpus", "gpus")
"""What is only offered to parameters that have a value of their own when the file sets it."""


def located(name: str, settings: Settings) -> tuple[str, str]:
    """Module and function of ``module.function`` or ``module``, below the folder of such modules."""
    module, _, function = name.rpartition(".")
    if not module:
        module, function = name, settings.default_method
    return f"{settings.module_dir}.{module}" if settings.module_dir else module, function


def jobs(name: str, words: Words, settings: Settings) -> list[DLJob]:
    """What the method *name* makes of *words*; empty when it makes nothing.

    It gets those of the settings that it has parameters for, where the words do not say otherwise. Raises
    UsageError when it cannot be called so or makes something else, WorkerError when it fails.
    """
    module, function = located(name, settings)
    return of_function(load.function(module, function), f"{module}.{function}", words, settings)


def of_function(function: load.Function, shown: str, words: Words, settings: Settings) -> list[DLJob]:
    """:func:`jobs` of a function that is called *shown* in messages."""
    kwargs = _offered(function, words, settings) | words.kwargs
    try:
        inspect.signature(function).bind(*words.args, **kwargs)
    except TypeError as error:
        raise UsageError(f"{shown}: {error}", hint=f"it is {shown}{inspect.signature(function)}") from None
    return _checked(_made(function, shown, words.args, kwargs), shown)


def _made(function: load.Function, shown: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    try:
        return function(*args, **kwargs)
    except LabdError:
        raise  # of DLJob: it says what is wrong
    except Exception as error:
        failure = WorkerError(f"{shown} raised {type(error).__name__}: {error}\n{load.trace(error)}")
        failure.title = "the method failed"
        raise failure from error


def _checked(made: Any, shown: str) -> list[DLJob]:
    found = list(made) if isinstance(made, list | tuple) else [made] if made else []
    wrong = [job for job in found if not isinstance(job, DLJob)]
    if wrong:
        raise UsageError(
            f"{shown} returned {type(wrong[0]).__name__} and no DLJob",
            hint="it returns a DLJob, or a list of them, and its tasks do the work",
        )
    return found


def _offered(function: load.Function, words: Words, settings: Settings) -> dict[str, Any]:
    """The settings that *function* has parameters for and that *words* leave open."""
    signature = inspect.signature(function)
    parameters = signature.parameters
    try:
        taken = set(signature.bind_partial(*words.args).arguments)
    except TypeError:
        return {}  # too many arguments: said when it is called
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    quiet = set(QUIET) - settings.given
    found: dict[str, Any] = {"args_list": []} | {name: getattr(settings, name) for name in OFFERED}
    left = {name: value for name, value in found.items() if name not in taken}
    return {n: value for n, value in left.items() if _wants(parameters.get(n), anything, n in quiet)}


def _wants(parameter: inspect.Parameter | None, anything: bool, quiet: bool) -> bool:
    if parameter is None or parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        return anything and not quiet
    return not (quiet and parameter.default is not parameter.empty)
