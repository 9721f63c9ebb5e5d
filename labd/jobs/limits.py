"""Finds the part of the cgroup v2 tree that is ours, so that each job can get a control group in it.

A group passes controllers on to those below it only while it holds no process itself (but the root of the
machine, which is nobody's). So the daemon moves itself into a group of its own beside those of the jobs.

Not so in a service of systemd, whose jobs outlive the daemon: systemd starts the next daemon in the
group of the unit itself, DelegateSubgroup= or not, and the kernel refuses that (EBUSY) as long as the
group passes controllers on and a job lives in it: one crash, and the service could not come back before its
jobs end (https://github.com/systemd/systemd/pull/41304). There the jobs' groups tell their processes apart
and end them, and each shim watches the memory. A scope has no next start: there the kernel sees to all of it.
"""

import logging
import os
from typing import NamedTuple

from labd.process import procs
from labd.process.group import Group

log = logging.getLogger("labd.jobs")

LEAF = "labd.daemon"
"""The group that the daemon moves itself into; also good for DelegateSubgroup=."""

JOBS = "job-"
WANTED = ("memory", "pids", "cpu")


class Delegation(NamedTuple):
    """A group that is ours. *controllers*: those that groups of jobs below it have."""

    path: str
    controllers: frozenset[str]

    @property
    def limits_memory(self) -> bool:
        """Whether the kernel holds jobs to their memory; if not, their shims look at it."""
        return "memory" in self.controllers


def probe(
    root: str = "/sys/fs/cgroup", own: str = "/proc/self/cgroup", systemd: str = "/run/systemd/system"
) -> Delegation | None:
    """Find the group that is ours and make it ready; None where there is none. Moves this process.

    *root* is where control groups are mounted, *own* names those of this process, *systemd* is there
    where systemd runs. To be called once, before jobs are started; children of ours move along.
    """
    base = own_group(root, own)
    if base is None:
        return None
    in_leaf = os.path.basename(base) == LEAF
    tree = os.path.dirname(base) if in_leaf else base
    if not is_ours(tree, os.path.exists(systemd)):
        return None
    if tree.endswith(".service"):
        return Delegation(tree, frozenset())
    return _take(tree, in_leaf)


def own_group(root: str, own: str) -> str | None:
    """The folder of this process's v2 group, or None where only v1 is mounted or it is out of sight."""
    mount = next((p for p in (root, f"{root}/unified") if os.path.exists(f"{p}/cgroup.controllers")), None)
    path = parse_own(_read(own))
    if mount is None or path is None:
        return None
    return os.path.normpath(mount + path)


def parse_own(text: str) -> str | None:
    """The v2 path in the text of ``/proc/PID/cgroup``: the line ``0::/PATH``. None for a path outside of
    what this container sees (``/../..``) or that was removed."""
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if (number, names) == ("0", "") and path.startswith("/"):
            return None if path.startswith("/..") or path.endswith(" (deleted)") else path
    return None


def is_ours(tree: str, with_systemd: bool) -> bool:
    """Whether we may make groups in *tree*: we can write and, since root always can, systemd says so."""
    files = (tree, f"{tree}/cgroup.procs", f"{tree}/cgroup.subtree_control")
    if not all(os.access(file, os.W_OK) for file in files):
        return False
    return not with_systemd or os.geteuid() != 0 or _delegated(tree)


def _delegated(tree: str) -> bool:
    """systemd marks what it delegates: trusted.delegate, and since 252 user.delegate."""
    for name in ("user.delegate", "trusted.delegate"):
        try:
            if os.getxattr(tree, name) == b"1":
                return True
        except OSError:
            pass  # not marked, or not ours to read
    return False


def _take(tree: str, in_leaf: bool) -> Delegation | None:
    inside = [int(word) for word in _read(f"{tree}/cgroup.procs").split()]
    if set(inside) - family():
        return None  # others live here as well: a login session, another labd
    try:
        if not in_leaf:
            _move(inside, f"{tree}/{LEAF}")
    except OSError as error:
        log.warning("jobs get no control groups: cannot move into %s/%s: %s", tree, LEAF, error.strerror)
        return None
    return Delegation(tree, _pass_on(tree))


def family() -> set[int]:
    """This process and all that descends from it."""
    return {os.getpid(), *(pid for pid, _ in procs.below(os.getpid()))}


def _move(pids: list[int], leaf: str) -> None:
    os.makedirs(leaf, 0o755, exist_ok=True)
    for pid in pids:
        _write(f"{leaf}/cgroup.procs", str(pid))


def _pass_on(tree: str) -> frozenset[str]:
    """Have groups below *tree* get the controllers that we can use; those they then have."""
    present = _read(f"{tree}/cgroup.controllers").split()
    for name in WANTED:
        if name in present:
            try:
                _write(f"{tree}/cgroup.subtree_control", f"+{name}")
            except OSError as error:
                log.info("control groups of jobs have no %s: %s", name, error.strerror)
    return frozenset(_read(f"{tree}/cgroup.subtree_control").split()) & frozenset(WANTED)


def tidy(tree: str) -> int:
    """Remove what killed shims left in *tree*: groups of jobs in which nothing lives. How many."""
    removed = 0
    for entry in os.scandir(tree):
        if entry.name.startswith(JOBS) and _empty(entry.path):
            removed += Group(entry.path).remove()
    return removed


def end(tree: str, job: int, number: int) -> bool:
    """SIGKILL to all that a killed shim left of attempt *number*; whether its group is gone.

    It also ends those that dropped their ``LABD_TOKEN``. Blocks for half a second at most.
    """
    path = os.path.join(tree, f"{JOBS}{job}.{number}")
    if not os.path.isdir(path):
        return True
    group = Group(path)
    group.kill()
    return group.remove()


def _empty(path: str) -> bool:
    return "populated 0" in _read(f"{path}/cgroup.events").splitlines()


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
