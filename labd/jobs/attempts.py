"""Attempt folders as the daemon uses them: prepare one, find out what became of it, talk to its shim.

The folder, not a pid, is the identity of an attempt: whoever holds its ``lock`` is its shim, and who
reads its ``ctl`` can only be that shim. So nothing here can reach a process of somebody else, whatever
happened to pids since (promise R9).
"""

import errno
import fcntl
import json
import os
import shutil
from contextlib import ExitStack
from typing import Any, Literal, NamedTuple

from labd.errors import Conflict
from labd.jobs.shim import marks

Kind = Literal["never", "alive", "exited", "lost"]
PER_BUCKET = 1000


class Finding(NamedTuple):
    """What a look at an attempt folder tells.

    ``never``: its job provably did not begin. ``alive``: its shim lives. ``exited``: the job is over,
    ``exit`` is the record. ``lost``: it began and its shim is gone without a record; ``why`` says more.
    ``started`` is the record of the beginning where there is one. A folder that is not there says
    ``never`` with a ``why``: for an attempt that was seen to run that means that somebody removed it.
    """

    kind: Kind
    started: dict[str, Any] | None = None
    exit: dict[str, Any] | None = None
    why: str = ""


def folder(state_dir: str, job: int, number: int) -> str:
    """The folder of attempt *number* of *job*."""
    return os.path.join(state_dir, "jobs", str(job // PER_BUCKET), f"{job}.{number}")


def last_job(state_dir: str) -> int:
    """The highest id of a job that ever had an attempt here, 0 when there is none.

    A store that was restored from a copy may know less than the folders do.
    """
    buckets = _numbers(os.path.join(state_dir, "jobs"))
    if not buckets:
        return 0
    return max(_numbers(os.path.join(state_dir, "jobs", str(max(buckets)))), default=0)


def _numbers(path: str) -> set[int]:
    """The numbers that the names in *path* begin with."""
    try:
        heads = {name.partition(".")[0] for name in os.listdir(path)}
    except FileNotFoundError:
        return set()
    return {int(head) for head in heads if head.isdecimal()}


def all_attempts(state_dir: str) -> dict[int, list[int]]:
    """Every attempt that has a folder: its numbers by job, both in order."""
    found: dict[int, list[int]] = {}
    for bucket in sorted(_numbers(os.path.join(state_dir, "jobs"))):
        for name in os.listdir(os.path.join(state_dir, "jobs", str(bucket))):
            job, _, number = name.partition(".")
            if job.isdecimal() and number.isdecimal():
                found.setdefault(int(job), []).append(int(number))
    return {job: sorted(found[job]) for job in sorted(found)}


def prepare(path: str, order: dict[str, Any], tree: str | None = None, record: str = "") -> int:
    """Make the attempt folder *path* for *order* and take its lock; the descriptor that holds it. *record*
    is the job as the store has it, kept there for the day on which the store is damaged.

    Keys of the order: ``argv``, ``cwd``, ``env`` (all of it), ``grace`` and ``time_limit`` (seconds, None for
    no limit); ``script``: the text of a program, for which *argv* then holds the arguments alone;
    ``user``: ``{"uid", "gid", "groups"}`` to become, for a daemon that is root. *tree* is a folder on the
    same file system that is moved there as the job's code.

    What an attempt that never began left there is replaced. Raises Conflict when the attempt did begin,
    OSError when the disk refuses; nothing is left then.
    """
    _make_room(path)
    _make(path, 0o711 if order.get("user") else 0o700)
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, path, ignore_errors=True)
        lock = os.open(os.path.join(path, marks.LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        undo.callback(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _fill(path, order | ({"record": record} if record else {}))
        if tree is not None:
            os.rename(tree, os.path.join(path, marks.CODE))
        undo.pop_all()
    return lock


def inspect(path: str) -> Finding:
    """What became of the attempt in *path*. Raises OSError when the folder cannot be read."""
    try:
        record = marks.read(path, marks.EXIT)
        if record is None and locked(path):
            return Finding("alive", marks.read(path, marks.STARTED))
        # the shim writes the record and then lets the lock go: it may have ended between the two looks
        record = record or marks.read(path, marks.EXIT)
        started = marks.read(path, marks.STARTED)
    except ValueError as error:
        return Finding("lost", why=f"a record is damaged: {error}")
    if record is not None:
        return Finding("exited", started, record)
    if started is not None:
        return Finding("lost", started, why=_why_lost(started))
    return Finding("never", why="" if os.path.isdir(path) else f"there is no folder {path}")


def cancel(path: str, grace: float) -> bool:
    """Ask the shim to stop its job: SIGTERM to the whole tree, after *grace* seconds SIGKILL.

    False when there is no shim to ask, or none that listens (its queue of commands is full).
    """
    return _command(path, f"cancel {grace!r}")


def send_signal(path: str, signum: int) -> bool:
    """Have the shim send *signum*: SIGSTOP, SIGCONT, SIGTERM and SIGKILL to the whole tree, others to
    the main process. False as for :func:`cancel`."""
    return _command(path, f"signal {int(signum)}")


def _make_room(path: str) -> None:
    bucket = os.path.dirname(path)
    for folder in (os.path.dirname(bucket), bucket):
        if not os.path.isdir(folder):
            _make(folder, 0o711)
            marks.sync_folder(os.path.dirname(folder))
    if os.path.lexists(path):
        found = inspect(path)
        if found.kind != "never":
            raise Conflict(f"the attempt in {path} has begun already ({found.kind})")
        shutil.rmtree(path)


def _make(path: str, mode: int) -> None:
    """Make a folder with exactly *mode*, whatever the umask is."""
    os.mkdir(path, mode)
    os.chmod(path, mode)


def _fill(path: str, order: dict[str, Any]) -> None:
    """Nothing of this is synced: it matters only if the job begins, and the shim syncs its start."""
    order = dict(order)
    user = order.get("user")
    _put(path, marks.REPORT, "", 0o600, user)
    _put(path, marks.LOG, "", 0o600, user)
    _make_run_dir(os.path.join(path, marks.RUN), user)
    script = order.pop("script", None)
    if script is not None:
        _put(path, marks.SCRIPT, script, 0o700, user)
        program = os.path.join(path, marks.SCRIPT)
        runner = [program] if script.startswith("#!") else ["/bin/sh", program]
        order["argv"] = [*runner, *order["argv"]]
    _put(path, marks.ORDER, json.dumps({"version": marks.VERSION, **order}), 0o600, None)


def _make_run_dir(path: str, user: dict[str, Any] | None) -> None:
    """The job's own place, apart from labd's marks: whatever it does there hurts nothing but itself."""
    _make(path, 0o700)
    if user is not None:
        os.chown(path, user["uid"], user["gid"])


def _put(path: str, name: str, text: str, mode: int, user: dict[str, Any] | None) -> None:
    fd = os.open(os.path.join(path, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with open(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
        os.fchmod(fd, mode)
        if user is not None:
            os.fchown(fd, user["uid"], user["gid"])
        file.write(text)


def locked(path: str) -> bool:
    """Whether somebody holds the lock. Opened for reading and locked shared, so that two who look do
    not see each other, and so that looking does not wake those who watch for the lock's last close."""
    try:
        fd = os.open(os.path.join(path, marks.LOCK), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _why_lost(started: dict[str, Any]) -> str:
    if started.get("boot_id") != marks.boot_id():
        return "the machine restarted while it ran"
    return "its shim was killed"


def _command(path: str, line: str) -> bool:
    try:
        fd = os.open(os.path.join(path, marks.CTL), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENOENT):
            return False  # nobody reads: the shim is gone, or never was
        raise
    try:
        os.write(fd, line.encode() + b"\n")
    except (BlockingIOError, BrokenPipeError):
        return False
    finally:
        os.close(fd)
    return True
