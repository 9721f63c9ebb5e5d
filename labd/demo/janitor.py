"""Cleans up after a demo that could not do so itself, as one that got SIGKILL.

It is a process that holds the end of a pipe from the demo. When the pipe closes without a word, the demo is
dead: its daemon, the runs and the folder go. A word means that somebody keeps them.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

from labd.demo import processes


def hire(folder: str, env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """A janitor for the demo in *folder*. :func:`dismiss` it, or it ends with all that is there."""
    return subprocess.Popen(
        [sys.executable, "-m", "labd.demo.janitor", folder], cwd="/", env=env, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def dismiss(janitor: "subprocess.Popen[bytes]") -> None:
    """Let everything be as it is."""
    try:
        janitor.communicate(b"keep")
    except OSError:
        pass  # it is dead already


def main(folder: str) -> None:
    """Wait for the end of the demo, and clean up unless everything is kept."""
    if not os.read(0, 1):
        processes.end(folder)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
