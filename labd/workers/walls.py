"""Walls as a keeper's order describes them, on the way from its fork to the worker's first instruction.

``by``: ``bubblewrap``, which is told by the command line and gets only ``filter`` (hexadecimal), or
``landlock``, which this process does to itself: ``rules``, ``net``, and the folder ``scratch`` of its own.
"""

from __future__ import annotations

import os

from labd.process import kernel
from labd.workers import landlock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILTER = 9
"""The descriptor where bubblewrap finds the filter."""


def enter(walls: dict[str, Any] | None) -> None:
    """Close *walls* around this process, or get ready for bubblewrap to. Raises OSError."""
    if not walls:
        return
    program = bytes.fromhex(walls["filter"])
    if walls["by"] == "bubblewrap":
        if program:
            os.dup2(lend(program), FILTER)
        return
    if walls["scratch"]:
        os.mkdir(walls["scratch"], 0o700)
    kernel.gain_no_privileges()
    if walls["rules"]:
        landlock.enclose(walls["rules"], net=walls["net"])
    kernel.filter_calls(program)


def lend(program: bytes) -> int:
    """A descriptor that *program* can be read from."""
    fd = os.memfd_create("labd-filter")
    os.write(fd, program)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def clear(scratch: str) -> None:
    """Remove the folder *scratch*; what cannot be removed is left to whoever cleans /tmp.

    Imports nothing: whom the worker ran as may not be allowed to read our interpreter.
    """
    for _, folders, files, fd in os.fwalk(scratch, topdown=False):
        for name in (*folders, *files):
            _remove(name, fd)
    _remove(scratch)


def _remove(name: str, folder: int | None = None) -> None:
    for how in (os.unlink, os.rmdir):
        try:
            how(name, dir_fd=folder)
        except OSError:
            continue
