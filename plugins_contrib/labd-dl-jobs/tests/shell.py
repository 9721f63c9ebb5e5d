"""Programs and commands, run as a person would."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dl_jobs

import labd

Typed = Callable[[str], "subprocess.CompletedProcess[str]"]

PATHS = [str(Path(package.__file__).parents[1]) for package in (dl_jobs, labd) if package.__file__]
MAIN = "import sys; from dl_jobs.cli import main; sys.exit(main())"


def python(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """What Python does with *words* in *folder*."""
    env = {"PYTHONPATH": ":".join(PATHS), "PATH": "/usr/bin:/bin", "LABD_SOCKET": "/nonexistent/labd.sock"}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=60
    )
