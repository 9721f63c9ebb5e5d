"""What runs in a worker for a task; it goes there as text. Standard library only.

The function of a group is loaded at its first task, so that what it raises is told on a task. A pickled one
is unpickled here and nowhere else: labd lets it come only into an isolated worker.
"""

import os
import sys
from typing import Any


class PyVersionMismatch(Exception):
    """A function was pickled by another Python than this one."""


_loaded: list[Any] = []
"""The function, once it was asked for: a worker has one."""


def task(arguments: list[Any], parameters: dict[str, Any], kind: str, version: str) -> dict[str, Any]:
    """One task: its value, and what the process has used so far at most."""
    if not _loaded:
        os.chdir(os.environ["LABD_DATA"])
        _loaded.append(_unpickled(version) if kind == "py_pickle" else _imported())
    value = _loaded[0](*arguments, **parameters)
    return {"value": value, "memory": _memory()}


def _imported() -> Any:
    import importlib

    sys.path.insert(0, os.path.join(os.environ["LABD_DATA"], "dist"))
    return importlib.import_module("__dlentrypoint__").main


def _unpickled(version: str) -> Any:
    import pickle

    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if version and version.split(".")[:2] != here.split("."):
        raise PyVersionMismatch(
            f"the function was pickled by Python {version}, and this is {here}: give it as 'module.function'"
        )
    with open("function", "rb") as file:
        return pickle.load(file)


def _memory() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
