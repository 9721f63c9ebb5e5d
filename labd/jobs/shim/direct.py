"""The short way from the shim to the job's program: no copy of the shim in between (vfork).

A fork marks every page of the shim as shared, and then child and shim take hundreds of page faults until
one is the program and the other has its memory back: more than all else that a short job costs. This way
is for a job that needs nothing done between the two but what posix_spawn does. The program does not die
with its shim; whoever finds the attempt lost ends it by its token.
"""

from __future__ import annotations

import errno
import os
import time

from labd.jobs.shim import outset

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HOME = "/"  # where a shim is when it starts nothing
PASSED_OVER = (errno.ENOENT, errno.ENOTDIR)
BUSY_TRIES, BUSY_PAUSE = 50, 0.02  # seconds; somebody who forked while the script was written still has it


class Spawned:
    """The started program; ``pid`` is 0 and :meth:`fault` says why when there is none."""

    def __init__(self, pid: int, fault: str) -> None:
        self.pid = pid
        self._fault = fault

    def fault(self) -> str:
        """``STEP ERRNO``, or nothing."""
        return self._fault

    def close(self) -> None:
        """Nothing is held."""


def suits(order: dict[str, Any]) -> bool:
    """Whether the job may go this way: it changes no user, and needs no control group."""
    return order.get("user") is None and not order.get("cgroup")


def start(order: dict[str, Any]) -> Spawned:
    """Run the program. The job inherits standard input, output and error, and nothing else."""
    step, mask, score = "cwd", os.umask(outset.UMASK), outset.be_expendable()
    try:
        os.chdir(order["cwd"])
        step = "program"
        return Spawned(_find_and_spawn(order["argv"], order["env"]), "")
    except OSError as error:
        return Spawned(0, f"{step} {error.errno or errno.EINVAL}")
    except (ValueError, TypeError):  # no system call was made
        return Spawned(0, f"{step} {errno.EINVAL}")
    finally:
        os.chdir(HOME)
        os.umask(mask)
        outset.be_again(score)


def _find_and_spawn(argv: list[str], env: dict[str, str]) -> int:
    """Like execvpe: a name without a slash is looked for in the PATH of *env*."""
    if "/" in argv[0]:
        return _spawn(argv[0], argv, env)
    trouble = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    for folder in os.get_exec_path(env):
        try:
            return _spawn(os.path.join(folder, argv[0]), argv, env)
        except OSError as error:
            if error.errno not in PASSED_OVER:
                trouble = error if trouble.errno in PASSED_OVER else trouble
    raise trouble


def _spawn(program: str, argv: list[str], env: dict[str, str]) -> int:
    for _ in range(BUSY_TRIES):
        try:
            return os.posix_spawn(program, argv, env, setsid=True, setsigmask=(), setsigdef=outset.SIGNALS)
        except OSError as error:
            if error.errno != errno.ETXTBSY:
                raise
        time.sleep(BUSY_PAUSE)
    raise OSError(errno.ETXTBSY, "still being written", program)
