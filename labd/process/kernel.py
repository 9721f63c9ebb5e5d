"""The few calls of Linux that Python has no name for."""

from __future__ import annotations

import ctypes
import os
import struct
import time

_libc = ctypes.CDLL(None, use_errno=True)
_PDEATHSIG, _NAME, _SUBREAPER, _NO_NEW_PRIVS = 1, 15, 36, 38
_SECCOMP, _FILTER = 22, 2
_CAPABILITY_VERSION = 0x20080522
_KCMP = {"x86_64": 312, "aarch64": 272, "riscv64": 272}.get(os.uname().machine)
_KCMP_VM = 1


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("count", ctypes.c_ushort), ("lines", ctypes.c_void_p))


def _prctl(option: int, *arguments: int | bytes) -> None:
    values = [
        ctypes.c_char_p(each) if isinstance(each, bytes) else ctypes.c_ulong(each) for each in arguments
    ]
    if _libc.prctl(option, *values, *[ctypes.c_ulong(0)] * (4 - len(values))):
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


def filter_calls(program: bytes) -> None:
    """Have *program* (classic BPF) judge every system call from now on. Needs no_new_privs. OSError."""
    lines = ctypes.create_string_buffer(program, len(program))
    given = _Program(len(program) // 8, ctypes.addressof(lines))
    _prctl(_SECCOMP, _FILTER, ctypes.addressof(given))


def drop_capabilities() -> None:
    """Give up every capability, those that children would inherit too. Raises OSError."""
    head, sets = struct.pack("=Ii", _CAPABILITY_VERSION, 0), bytes(24)
    if _libc.capset(ctypes.create_string_buffer(head), sets):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "capset")


def same_memory(one: int, other: int) -> bool:
    """Whether two processes have one and the same memory, as those of vfork until the exec.

    False also where the kernel does not say.
    """
    return _KCMP is not None and _libc.syscall(_KCMP, one, other, _KCMP_VM, 0, 0) == 0


def boottime() -> float:
    """Seconds since boot, suspend included. No change of the wall clock moves it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
