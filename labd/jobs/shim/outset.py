"""How a job's program finds its process: signals, rights of what it makes, who goes when memory runs out."""

from __future__ import annotations

import signal

UMASK = 0o022
_SCORE = "/proc/self/oom_score_adj"

SIGNALS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
"""Those that can be ignored or caught: a job gets them all with their default actions."""

EXPENDABLE = 100
"""oom_score_adj of a job: when the machine has no memory left, a job goes before labd and its shims do,
whatever their own is (a unit may have made the daemon's low). Still the largest process goes first."""


DEAF = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)
"""What a shim does not heed: a TERM to the whole unit must not lose an exit code."""


def turn_deaf() -> None:
    """Ignore :data:`DEAF`; what is forked from here does so too, until :func:`reset_signals`."""
    for signum in DEAF:
        signal.signal(signum, signal.SIG_IGN)


def reset_signals() -> None:
    """Default actions, nothing blocked: what a program expects."""
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def be_expendable() -> int | None:
    """Have the kernel end this process, and what it starts, before labd when memory runs out.

    What was set before, for :func:`be_again`; None where nothing was changed.
    """
    try:
        with open(_SCORE, "rb+", buffering=0) as file:
            before = int(file.read())
            if before < EXPENDABLE:
                file.seek(0)
                file.write(b"%d" % EXPENDABLE)
                return before
    except OSError:
        pass  # the kernel then chooses by size alone
    return None


def be_again(before: int | None) -> None:
    """Take back what :func:`be_expendable` did, for this process alone."""
    if before is None:
        return
    try:
        with open(_SCORE, "wb", buffering=0) as file:
            file.write(b"%d" % before)
    except OSError:
        pass  # then the shim goes as early as its job
