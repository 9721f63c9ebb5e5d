"""The levels of isolation: which of them this machine can give, and how bubblewrap is told.

A level that is asked for and cannot be had is refused with the reason; it is never lowered.
"""

import functools
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

from labd.api.workers import Sandbox, WorkerSpec
from labd.errors import Refused
from labd.workers.interpreter import Interpreter

LEVELS: tuple[str, ...] = get_args(Sandbox)
ISOLATED = ("isolated", "isolated+net")
PROBE_TIMEOUT = 10.0

_WALLS = (
    "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
    "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "worker",
)  # fmt: skip
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
_ETC = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime")
_NET = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl", "/etc/ca-certificates")
_GPU = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset")


class Levels(NamedTuple):
    """The levels that can be had here, where bubblewrap is, and why there are no more."""

    available: tuple[str, ...]
    bwrap: str = ""
    trouble: str = ""
    hint: str = ""

    def need(self, level: str) -> None:
        """Raises Refused when *level* cannot be had."""
        if level not in self.available:
            raise Refused(
                f"sandbox {level!r} cannot be had on this machine: {self.trouble}",
                hint=f"{self.hint}; labctl doctor shows the levels",
            )


@functools.cache
def probe() -> Levels:
    """Look once, with a real sandbox. Blocks for some milliseconds."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return Levels(LEVELS[:2], "", "bubblewrap is not installed", "apt install bubblewrap")
    for walls in ((*_WALLS, "--disable-userns"), _WALLS):
        trouble = _try([bwrap, *walls, "--unshare-net", *_tree(()), "--", "/usr/bin/env", "true"])
        if not trouble:
            return Levels(LEVELS, bwrap, "")
    return Levels(
        LEVELS[:2], bwrap, trouble, "allow user namespaces (kernel.unprivileged_userns_clone, AppArmor)"
    )


def _try(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap: {error}"
    said = done.stderr.decode(errors="replace").strip()
    return "" if done.returncode == 0 else said or f"bubblewrap left with {done.returncode}"


def wrap(
    levels: Levels, spec: WorkerSpec, python: Interpreter, lent: Sequence[str], gpus: Sequence[int]
) -> list[str]:
    """The words before the command of a worker in its sandbox; none where that needs no other program."""
    if spec.sandbox not in ISOLATED:
        return []
    read = [*python.folders, *lent, *spec.path, *spec.read]
    words = [levels.bwrap, *_WALLS, *_tree(read)]
    words += ["--unshare-net"] if spec.sandbox == "isolated" else _binds("--ro-bind-try", _NET)
    words += _binds("--bind", spec.write)
    if gpus:
        words += _binds("--dev-bind-try", [*_GPU, *(f"/dev/nvidia{index}" for index in gpus)])
    return [*words, "--chdir", spec.cwd, "--"]


def _tree(read: Sequence[str]) -> list[str]:
    """The file system: programs, nothing of anybody, an empty /tmp."""
    words = ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dir", "/run"]
    for path in _SYSTEM:
        if os.path.islink(path):
            words += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            words += ["--ro-bind", path, path]
    return words + _binds("--ro-bind-try", _ETC) + _binds("--ro-bind", sorted(set(read)))


def _binds(how: str, paths: Iterable[str]) -> list[str]:
    return [word for path in paths for word in (how, path, path)]
