"""The few calls of Linux that Python has no name for."""

from __future__ import annotations

import ctypes
import os
import time

_libc = ctypes.CDLL(None, use_errno=True)
_PDEATHSIG, _NAME, _SUBREAPER, _NO_NEW_PRIVS = 1, 15, 36, 38
_KCMP = {"x86_64": 312, "aarch64": 272, "riscv64": 272}.get(os.uname().machine)
_KCMP_VM = 1


def _prctl(option: int, argument: int | bytes) -> None:
    value = ctypes.c_char_p(argument) if isinstance(argument, bytes) else ctypes.c_ulong(argument)
    if _libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), f"prctl {option}")


def set_name(name: bytes) -> None:
    """What ``ps -o comm`` and ``top`` show; at most 15 bytes."""
    _prctl(_NAME, name)


def become_subreaper() -> None:
    """From now on orphaned descendants become children of this process instead of PID 1's."""
    _prctl(_SUBREAPER, 1)


def die_with_parent(signum: int) -> None:
    """Get *signum* when the parent dies. A change of user takes this back, so call it after that."""
    _prctl(_PDEATHSIG, signum)


def gain_no_privileges() -> None:
    """From now on no exec gives this process or its children rights that it does not have."""
    _prctl(_NO_NEW_PRIVS, 1)


def same_memory(one: int, other: int) -> bool:
    """Whether two processes have one and the same memory, as those of vfork until the exec.

    False also where the kernel does not say.
    """
    return _KCMP is not None and _libc.syscall(_KCMP, one, other, _KCMP_VM, 0, 0) == 0


def boottime() -> float:
    """Seconds since boot, suspend included. No change of the wall clock moves it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
