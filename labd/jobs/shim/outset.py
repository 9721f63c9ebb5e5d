"""How a job's program finds its process: signals, rights of what it makes, who goes when memory runs out."""

from __future__ import annotations

import signal

UMASK = 0o022

SIGNALS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
"""Those that can be ignored or caught: a job gets them all with their default actions."""

EXPENDABLE = 100
"""oom_score_adj of a job: when the machine has no memory left, a job goes before labd and its shims do,
whatever their own is (a unit may have made the daemon's low). Still the largest process goes first."""


def reset_signals() -> None:
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def be_expendable(pid: int | str = "self") -> None:
    """Have the kernel end the process *pid* before labd when memory runs out."""
    try:
        with open(f"/proc/{pid}/oom_score_adj", "rb+", buffering=0) as file:
            if int(file.read()) < EXPENDABLE:
                file.seek(0)
                file.write(b"%d" % EXPENDABLE)
    except OSError:
        pass  # the kernel then chooses by size alone
