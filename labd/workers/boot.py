"""How an interpreter that may know nothing of labd begins: it is lent labd, and msgpack if it has none.

Only these packages, by their folders: the rest of the daemon's environment stays out of the worker's.
"""

import json
import os
from collections.abc import Sequence

import msgpack

PACKAGES = tuple(
    os.path.dirname(os.path.abspath(path)) for path in (os.path.dirname(__file__), msgpack.__file__)
)
"""The folders of labd and of msgpack."""

_LEND = """
import importlib.util, sys
def lend(name, folder):
    spec = importlib.util.spec_from_file_location(
        name, folder + "/__init__.py", submodule_search_locations=[folder])
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
lend("labd", sys.argv.pop(1))
folder = sys.argv.pop(1)
if importlib.util.find_spec("msgpack") is None:
    lend("msgpack", folder)
"""
_FORKER = (
    "import sys; sys.path.append(sys.argv[2]); from labd.workers.forker import serve; serve(int(sys.argv[1]))"
)


def worker(python: str, max_message: int) -> list[str]:
    """The command of a fresh worker."""
    code = _LEND + "from labd.workers.child import main\nmain()\n"
    return [python, "-P", "-c", code, *PACKAGES, str(max_message)]


def template(python: str, path: Sequence[str], max_message: int, modules: Sequence[str]) -> list[str]:
    """The command of a template with *modules*, found on *path* first."""
    code = _LEND + "from labd.workers.forker import template\ntemplate()\n"
    return [python, "-P", "-c", code, *PACKAGES, json.dumps(list(path)), str(max_message), *modules]


def forker(python: str, fd: int) -> list[str]:
    """The command of the forker that serves the inherited socket *fd*."""
    return [python, "-I", "-S", "-X", "utf8", "-c", _FORKER, str(fd), os.path.dirname(PACKAGES[0])]
