"""The processes of one job: waited for, signalled, stopped, until none is left."""

from __future__ import annotations

import os
import resource
import select
import signal
import time

from labd.jobs.shim import child
from labd.process import kernel, procs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from labd.jobs.shim.ending import Ending
    from labd.process.bounds import Bounds

WHOLE_TREE = frozenset((signal.SIGSTOP, signal.SIGCONT, signal.SIGTERM, signal.SIGKILL))
"""Signals sent to every process of the job; others (SIGUSR1, SIGINT) are for its main process."""

PATIENCE = 5  # rounds of SIGKILL that reach only processes of another user (a setuid program)


def log(message: str) -> None:
    """A line of our own in the job's log; a full disk must not end the shim."""
    try:
        os.write(2, f"labd: {message}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        pass


class Used:
    """What the processes of one job have used: seconds of a core, bytes that the largest of them held.

    The kernel's count for all children of a process (getrusage) would hold those of earlier jobs too.
    """

    def __init__(self) -> None:
        self.user_seconds = self.system_seconds = 0.0
        self.largest = 0

    def add(self, usage: resource.struct_rusage) -> None:
        self.user_seconds += usage.ru_utime
        self.system_seconds += usage.ru_stime
        self.largest = max(self.largest, usage.ru_maxrss * 1024)


class Job:
    """The running job: its main process, all that descends from it, and the way it will end.

    After :meth:`wait`, ``status`` is what waitpid said of the main process, ``ended`` when that was
    (Unix time, seconds since boot), ``reason`` why.
    """

    def __init__(self, order: dict[str, Any], ctl: int, ending: Ending, bounds: Bounds) -> None:
        self._ending, self._ctl, self._bounds = ending, ctl, bounds
        self._commands = b""
        self._told: set[tuple[int, int]] = set()
        self._futile = 0
        self._over = False
        self.status = 0
        self.ended = (0.0, 0.0)
        self.used = Used()
        self._wake, self._pulse = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._pulse, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)
        self._poll.register(ctl, select.POLLIN)
        self._child = child.start(order, self._admit)

    def _admit(self, pid: int) -> None:
        if trouble := self._bounds.admit(pid):
            log(trouble)

    @property
    def reason(self) -> str:
        return self._ending.reason

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *exc_info: object) -> None:
        signal.set_wakeup_fd(-1)
        self._child.close()
        os.close(self._wake)
        os.close(self._pulse)

    def wait(self) -> bool:
        """Serve the job until no process of it is left; False when some are that cannot be ended."""
        while self._reap():
            if not self._press():
                return False
            now = kernel.boottime()
            waits = [s for s in (self._ending.wait(now), self._bounds.wait(now)) if s is not None]
            ready = self._poll.poll(int(1000 * min(waits)) + 1 if waits else None)
            for fd, _ in ready:
                data = os.read(fd, 4096)
                if fd == self._ctl:
                    self._obey(data)
        return True

    def _reap(self) -> bool:
        """Collect the dead; whether any process is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False  # we are a subreaper: no child means that nothing of the job is left
            if pid == 0:
                return True
            self.used.add(usage)
            if pid == self._child.pid:
                self._main_ended(status)

    def _main_ended(self, status: int) -> None:
        now = kernel.boottime()
        self._over, self.status, self.ended = True, status, (time.time(), now)
        self._ending.begin("exited", now)

    def _press(self) -> bool:
        """Send the signal that is due; False when what is left is another user's and stays."""
        now = kernel.boottime()
        if self._bounds.exceeded(now):
            self._ending.kill("out_of_memory", now)
        signum = self._ending.due(now)
        if signum is None:
            return True
        if signum == signal.SIGKILL:
            self._bounds.kill()
        # a stopped process would not see its SIGTERM before it is continued
        told = self._told if signum == signal.SIGTERM else None
        reached, refused = procs.signal_tree(os.getpid(), signum, signal.SIGCONT, told=told)
        futile = signum == signal.SIGKILL and refused and not reached
        self._futile = self._futile + 1 if futile else 0
        return self._futile < PATIENCE or not self._over

    def _obey(self, data: bytes) -> None:
        *lines, self._commands = (self._commands + data).split(b"\n")
        for line in lines:
            try:
                self._command(*line.decode("ascii").split())
            except (ValueError, TypeError, OSError):
                log(f"unknown command {line!r}")  # of a newer daemon perhaps

    def _command(self, word: str, number: str) -> None:
        if word == "cancel":
            self._ending.begin("cancelled", kernel.boottime(), float(number))
        elif word == "signal":
            self._signal(int(number))
        else:
            raise ValueError(word)

    def _signal(self, signum: int) -> None:
        if signum == signal.SIGKILL:
            self._bounds.kill()
        if signum in WHOLE_TREE:
            procs.signal_tree(os.getpid(), signum)
        elif not self._over:
            os.kill(self._child.pid, signum)  # our own child, not waited for yet: the pid is surely its

    def fault(self) -> str:
        """Why the program could not be run, in the form of :func:`child.explain`; empty if it was."""
        return self._child.fault()
