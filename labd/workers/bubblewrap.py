"""How bubblewrap is told what a worker sees: namespaces of its own, a few of the machine's files."""

import os
from collections.abc import Iterable, Sequence

from labd.workers import system

ALL = (
    "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
    "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "worker",
)  # fmt: skip


def words(
    bwrap: str, read: Sequence[str], write: Sequence[str], devices: Sequence[str], *, net: bool, filter: int
) -> list[str]:
    """The command to put before one that is to run so. *filter*: the descriptor of a filter, 0 for none."""
    found = [bwrap, *ALL, *_tree(read)]
    found += _binds("--ro-bind-try", system.NET) if net else ["--unshare-net"]
    found += _binds("--bind", write) + _binds("--dev-bind-try", devices)
    return [*found, "--seccomp", str(filter)] if filter else found


def _tree(read: Sequence[str]) -> list[str]:
    """The file system: programs, nothing of anybody, an empty /tmp."""
    found = ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dir", "/run"]
    for path in system.PROGRAMS:
        if os.path.islink(path):
            found += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            found += ["--ro-bind", path, path]
    return found + _binds("--ro-bind-try", system.ETC) + _binds("--ro-bind", sorted(set(read)))


def _binds(how: str, paths: Iterable[str]) -> list[str]:
    return [word for path in paths for word in (how, path, path)]
