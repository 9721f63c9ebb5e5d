"""From the shim's child to the job's own program: session, user, folder, signals, exec.

What the standard library can do goes the short way (:mod:`labd.jobs.shim.direct`). The others fork: a job
of another user, or one that must not run before it is in its control group. A shim is small and has one
thread, so that a fork is safe.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
import time

from labd.jobs.shim import direct, outset
from labd.process import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

NOT_FOUND, NOT_RUNNABLE = 127, 126


class Forked:
    """The job's process; *reasons* is a pipe that holds the reason if its program could not be run."""

    def __init__(self, pid: int, reasons: int) -> None:
        self.pid = pid
        self._reasons = reasons

    def fault(self) -> str:
        """``STEP ERRNO`` when the program could not be run; to be asked when the job has ended."""
        return os.read(self._reasons, 64).decode()

    def close(self) -> None:
        os.close(self._reasons)


def start(order: dict[str, Any], admit: Callable[[int], object]) -> Forked | direct.Spawned:
    """Start the job. *admit* is called with its pid, to put it in its bounds.

    Raises ValueError for an order that names no program, KeyError for one that lacks a key, OSError when
    there can be no other process now.
    """
    if not (order["argv"] and order["cwd"]):
        raise ValueError("the order names no program or no folder")
    if not isinstance(order["env"], dict):
        raise ValueError("the order has no map as env")  # noqa: TRY004 - bad data, not a bad call
    if not direct.suits(order):
        return fork(order, admit)
    spawned = direct.start(order)
    if spawned.pid:
        admit(spawned.pid)
    return spawned


def fork(order: dict[str, Any], admit: Callable[[int], object]) -> Forked:
    """Fork the job.

    *admit* is called with the pid while the child waits: it puts the job in its bounds.
    The job inherits standard input, output and error, and nothing else. The pipe closes at exec, so
    it may be read without waiting as soon as the job has ended. Raises OSError.
    """
    reasons, tell = os.pipe()
    gate, opener = os.pipe()
    shim = os.getpid()
    # a SIGTERM that comes before the child has its default actions back waits, instead of being ignored
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _become(order, shim, (gate, opener), tell)
        admit(pid)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for fd in (gate, opener, tell):
            os.close(fd)
    return Forked(pid, reasons)


def _become(order: dict[str, Any], shim: int, gate: tuple[int, int], tell: int) -> NoReturn:
    step = "start"
    try:
        os.close(gate[1])
        os.read(gate[0], 1)  # until the shim closes its end, or dies
        os.setsid()
        outset.reset_signals()
        os.umask(outset.UMASK)
        outset.be_expendable()
        step = "user"
        _change_user(order.get("user"))
        kernel.die_with_parent(signal.SIGKILL)
        if os.getppid() != shim:  # it died before we asked to be told
            os._exit(NOT_RUNNABLE)
        step = "cwd"
        os.chdir(order["cwd"])
        step = "program"
        _exec(order["argv"], order["env"])
    except OSError as error:
        os.write(tell, f"{step} {error.errno or errno.EINVAL}".encode())
    except BaseException:  # nothing may return into the shim's loop from here
        os.write(tell, f"{step} {errno.EINVAL}".encode())
    finally:
        os._exit(NOT_RUNNABLE)


def _change_user(user: dict[str, Any] | None) -> None:
    if user is not None:
        os.setgroups(user.get("groups", []))
        os.setgid(user["gid"])
        os.setuid(user["uid"])


def _exec(argv: list[str], env: dict[str, str]) -> None:
    for _ in range(50):
        try:
            os.execvpe(argv[0], argv, env)
        except OSError as error:
            # somebody forked while the script was being written and has not come to its exec yet
            if error.errno != errno.ETXTBSY:
                raise
        time.sleep(0.02)
    raise OSError(errno.ETXTBSY, "still being written")


def explain(fault: str, order: dict[str, Any]) -> tuple[int, str]:
    """The exit code and the sentence for what :func:`start`'s pipe held: ``STEP ERRNO``."""
    step, _, number = fault.partition(" ")
    code = int(number)
    why = os.strerror(code)
    exit_code = NOT_FOUND if code in (errno.ENOENT, errno.ENOTDIR) else NOT_RUNNABLE
    if step == "cwd":
        return exit_code, f"cannot enter the working directory {order['cwd']}: {why}"
    if step == "user":
        return exit_code, f"cannot become user {order['user']}: {why}"
    if step == "program":
        return exit_code, f"cannot run {_name(order, code)}: {why}"
    return exit_code, f"cannot start the job: {why}"


def _name(order: dict[str, Any], code: int) -> str:
    """The program, or its interpreter when that is what is missing.

    Nothing is opened for the job of another user: with our rights that could show what is not theirs.
    """
    program: str = order["argv"][0]
    if code != errno.ENOENT or order.get("user") is not None:
        return program
    try:
        fd = os.open(os.path.join(order["cwd"], program), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        with open(fd, "rb") as file:
            line = file.readline(256) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    except OSError:
        return program
    words = line[2:].decode("utf-8", "replace").split() if line.startswith(b"#!") else []
    return f"{program}, whose interpreter is {words[0]}" if words else program
