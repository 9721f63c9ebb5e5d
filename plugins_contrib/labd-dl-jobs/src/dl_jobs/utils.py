"""A timer, lines on the console, and pickles."""

import os
import pickle
from typing import Any

from labd.dljob.timer import Timer

__all__ = ["Timer", "line", "read_pickle", "save_pickle", "vspace"]

File = str | os.PathLike[str]


def line(char: str = "-", length: int = 100) -> None:
    """Print a rule."""
    print(char * length)


def vspace(n: int = 2) -> None:
    """Print empty lines."""
    print("\n" * (n - 1))


def save_pickle(obj: Any, path: File) -> None:
    """Write *obj* to the file at *path*."""
    with open(path, "wb") as file:
        pickle.dump(obj, file)


def read_pickle(path: File) -> Any:
    """What :func:`save_pickle` wrote. A pickle can run any code: read only what you wrote yourself."""
    with open(path, "rb") as file:
        return pickle.load(file)
