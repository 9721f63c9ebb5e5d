"""The temporary folder that holds everything of one demo: state, socket, configuration, the daemon's log."""

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable
from typing import NamedTuple

from labd.environment import is_text
from labd.errors import LabdError

PREFIX = "labd-demo-"
SOCKET = "run/labd.sock"
LONGEST = 100
"""Bytes of a socket's path; the kernel takes 107 (unix(7))."""

_CONFIG = """\
# A daemon of `labd demo`: everything lies in this folder.
[daemon]
state_dir = {state}
runtime_dir = {runtime}
log_format = "human"

[resources]
cores = {cores}
gpus = "none"
"""


class Place(NamedTuple):
    """Absolute paths, all below ``folder``."""

    folder: str

    @property
    def state(self) -> str:
        return f"{self.folder}/state"

    @property
    def socket(self) -> str:
        return f"{self.folder}/{SOCKET}"

    @property
    def config(self) -> str:
        return f"{self.folder}/labd.toml"

    @property
    def log(self) -> str:
        return f"{self.folder}/daemon.log"

    def write_config(self, cores: int) -> None:
        state, runtime = _quoted(self.state), _quoted(f"{self.folder}/run")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(_CONFIG.format(state=state, runtime=runtime, cores=cores))

    def remove(self) -> str:
        """Remove the folder; what is left of it and why, or nothing."""
        shutil.rmtree(self.folder, onerror=lambda *_: None)
        return self.folder if os.path.lexists(self.folder) else ""


def make(candidates: Iterable[str] | None = None) -> Place:
    """A new folder below the first of *candidates* (the usual ones) that can hold a socket.

    Raises LabdError when none can.
    """
    tried = list(candidates or (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"))
    for base in tried:
        if not fits(base):
            continue
        try:
            return Place(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        except OSError:
            continue  # the next one may do
    raise LabdError(
        f"there is no folder for the demo: {', '.join(map(ascii, tried))} cannot hold its socket",
        hint="set TMPDIR to a folder that you may write to, with a short path",
    )


def fits(base: str) -> bool:
    """Whether the socket's path below *base* is text, and short enough for the kernel."""
    path = os.path.join(os.path.abspath(base), PREFIX + "x" * 8, SOCKET)
    return is_text(path) and len(path.encode()) <= LONGEST


def size(path: str) -> int:
    """Bytes in the file *path*; 0 where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _quoted(text: str) -> str:
    """A basic string of TOML, which takes every string of JSON but DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
