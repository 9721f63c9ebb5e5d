"""Finds out what walls this machine can have, once, by having a process try to get through them."""

import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from labd.workers import boot, bubblewrap, interpreter, landlock, seccomp
from labd.workers.denials import denials
from labd.workers.sandbox import Levels, Means, rules
from labd.workers.syscalls import MACHINES
from labd.workers.trial import MADE
from labd.workers.walls import lend

TIMEOUT = 10.0
_MAIN = "import sys; sys.path.append(sys.argv.pop(1)); from labd.workers.trial import main; main()"
_NAMESPACES = "allow user namespaces (kernel.unprivileged_userns_clone, AppArmor)"


@functools.cache
def probe() -> Levels:
    """What there is here. Blocks for some tenths of a second, the first time."""
    filtering = _seccomp(os.uname().machine)
    with _bait() as bait:
        return Levels(_bubblewrap(bait, filtering.usable), _landlock(bait, filtering), filtering)


def _seccomp(machine: str) -> Means:
    if machine not in MACHINES:
        return Means("seccomp", "", f"labd has no filter of system calls for {machine}", "use bubblewrap")
    trouble = _try((), _walls("seccomp", machine), {"file": "", "port": 0, "pid": 0, "pids": ""})
    return Means(
        "seccomp", machine, trouble and f"seccomp: {trouble}", trouble and "take a kernel with seccomp"
    )


def _landlock(bait: dict[str, Any], filtering: Means) -> Means:
    abi = landlock.abi()
    if abi < landlock.NEEDED:
        have = f"version {abi} of Landlock" if abi else "no Landlock"
        why = f"the kernel has {have}, and isolation takes version {landlock.NEEDED}"
        return Means("Landlock", "", why, "take Linux 6.12 or newer, with lsm=landlock")
    if not filtering.usable:
        return Means("Landlock", f"version {abi}")
    walls = _walls("landlock", filtering.detail) | {"rules": rules(_seen(), (), (), net=False)}
    trouble = _try((), walls, bait)
    return Means(
        "Landlock", f"version {abi}", trouble and f"Landlock: {trouble}", trouble and "use bubblewrap"
    )


def _bubblewrap(bait: dict[str, Any], filtered: bool) -> Means:
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return Means("bubblewrap", "", "bubblewrap is not installed", "apt install bubblewrap")
    walls = _walls("bubblewrap", os.uname().machine if filtered else "")
    fd = lend(bytes.fromhex(walls["filter"])) if filtered else 0
    try:
        before = bubblewrap.words(bwrap, _seen(), (), (), net=False, filter=fd)
        trouble = _try([*before, "--"], walls, bait, (fd,) if fd else ())
    finally:
        if fd:
            os.close(fd)
    return Means("bubblewrap", bwrap, trouble and f"bubblewrap: {trouble}", trouble and _NAMESPACES)


def _walls(by: str, machine: str) -> dict[str, Any]:
    program = seccomp.program(machine, denials(by, net=False)) if machine else b""
    return {"by": by, "filter": program.hex(), "rules": [], "net": False, "scratch": ""}


def _seen() -> list[str]:
    return [*interpreter.ask("").folders, *boot.PACKAGES]


@contextmanager
def _bait() -> Iterator[dict[str, Any]]:
    """A file, a port and a process that walls must keep others from."""
    with (
        tempfile.NamedTemporaryFile(prefix="labd-bait-") as file,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        pids = os.readlink("/proc/self/ns/pid")
        yield {"file": file.name, "port": server.getsockname()[1], "pid": os.getpid(), "pids": pids}


def _made(file: str) -> list[str]:
    """What is wrong when a file was made beside *file*, which is removed."""
    try:
        os.unlink(file + MADE)
    except OSError:
        return []
    return ["files can be made anywhere"]


def _try(before: Sequence[str], walls: dict[str, Any], bait: dict[str, Any], fds: Sequence[int] = ()) -> str:
    """What is wrong with *walls*; nothing when they hold."""
    order = json.dumps(bait | {"walls": walls})
    command = [*before, sys.executable, "-I", "-S", "-c", _MAIN, os.path.dirname(boot.PACKAGES[0]), order]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False, pass_fds=fds
        )
        return "; ".join([*json.loads(done.stdout), *_made(bait["file"])])
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    except ValueError:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        return said[-1] if said else f"it left with {done.returncode}"
