"""What an interpreter needs to see: it is asked once."""

import functools
import json
import os
import subprocess
import sys
from typing import NamedTuple

from labd.errors import UsageError

OLDEST = (3, 11)
_ASK = "import json,sys; print(json.dumps([sys.version_info[:2], sys.prefix, sys.base_prefix, *sys.path]))"


class Interpreter(NamedTuple):
    """A Python, and the folders outside of /usr that it loads from."""

    python: str
    folders: tuple[str, ...]


User = tuple[int, int, tuple[int, ...]]
"""A user id, a group id and all groups."""


@functools.lru_cache(maxsize=64)
def ask(python: str, user: User | None = None) -> Interpreter:
    """Run *python* (empty: our own) for a moment, as *user*. Blocks. Raises UsageError when it will not do.

    A path that somebody named is not run with more rights than its worker will have.
    """
    python = python or sys.executable
    try:
        done = subprocess.run(
            [python, "-P", "-c", _ASK], capture_output=True, timeout=30, check=True, env={"PATH": os.defpath},
            user=user[0] if user else None, group=user[1] if user else None,
            extra_groups=user[2] if user else None,
        )  # fmt: skip
        version, *folders = json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise _unfit(python, said[-1] if said else f"it left with {error.returncode}") from None
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise _unfit(python, str(error)) from None
    if tuple(version) < OLDEST:
        raise _unfit(python, f"it is Python {version[0]}.{version[1]}")
    return Interpreter(python, tuple(sorted({path for path in folders if _outside(path)})))


def _outside(path: str) -> bool:
    return os.path.isabs(path) and path != "/" and not path.startswith("/usr/") and os.path.exists(path)


def _unfit(python: str, why: str) -> UsageError:
    return UsageError(
        f"{python} cannot run workers: {why}", hint="name a Python 3.11 or newer, or the one of a venv"
    )
