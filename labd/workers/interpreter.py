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


@functools.lru_cache(maxsize=64)
def ask(python: str) -> Interpreter:
    """Run *python* (empty: our own) for a moment. Blocks. Raises UsageError when it will not do."""
    python = python or sys.executable
    try:
        done = subprocess.run(
            [python, "-P", "-c", _ASK], capture_output=True, timeout=30, check=True, env={"PATH": os.defpath}
        )
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
