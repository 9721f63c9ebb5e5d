"""Which system calls a worker behind walls cannot make. Pure data.

A list of what is denied, not of what is allowed: foreign code is numpy, CUDA and what comes next.
"""

from __future__ import annotations

import errno

from labd.workers.seccomp import Denial

_ALL = 0xFFFFFFFF
_NAMESPACES = 0x7E020000  # CLONE_NEW* in the flags of clone
_TERMINAL = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: typing into somebody's terminal
_ATTRIBUTES = (0x40086602, 0x40046602, 0x401C5820)  # FS_IOC_SETFLAGS, its form for 32 bits, FS_IOC_FSSETXATTR
_INTERNET = (2, 10, 16)  # AF_INET, AF_INET6, AF_NETLINK (which name servers and interfaces are asked by)
_DATAGRAMS = (2, 3)  # SOCK_DGRAM, SOCK_RAW: of a pair, they can still be sent to any name


def _always(names: str) -> tuple[Denial, ...]:
    return tuple(Denial(name) for name in names.split())


DANGEROUS = (
    *_always("ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd"),
    *_always("mount umount2 pivot_root chroot move_mount open_tree open_tree_attr fsopen fsconfig fsmount"),
    *_always("fspick mount_setattr unshare setns open_by_handle_at fanotify_init lookup_dcookie"),
    *_always("keyctl add_key request_key bpf perf_event_open userfaultfd syslog acct quotactl quotactl_fd"),
    *_always("kexec_load kexec_file_load init_module finit_module delete_module swapon swapoff reboot"),
    *_always(
        "settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname vhangup iopl ioperm"
    ),
    *_always("io_uring_setup io_uring_enter io_uring_register"),  # they make calls that no filter sees
    Denial("clone", argument=0, mask=_NAMESPACES, values=(0,), only=True),
    Denial(
        "clone3", errno.ENOSYS
    ),  # its flags are in memory, which no filter sees; libraries take clone then
    Denial("ioctl", argument=1, mask=_ALL, values=_TERMINAL),
)
"""Ways to reach others, the kernel's rare corners, and new namespaces, in which most of these would work."""

_PAIRS = Denial("socketpair", argument=1, mask=0xF, values=_DATAGRAMS)

INTERNET_ONLY = (Denial("socket", argument=0, mask=_ALL, values=_INTERNET, only=True), _PAIRS)
"""The network of the machine, not the sockets of its programs: a bus of a session starts anything."""

NO_SOCKETS = (Denial("socket"), _PAIRS)

_OWN = tuple(
    each._replace(argument=0, mask=_ALL, values=(0,), only=True)
    for each in _always(
        "prlimit64 sched_setaffinity sched_setscheduler sched_setparam sched_setattr setpriority"
    )
)

SHARED = (
    *_always("chmod fchmod fchmodat fchmodat2 chown lchown fchown fchownat utime utimes utimensat futimesat"),
    *_always("setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat"),
    *_always("file_setattr inotify_init inotify_init1 inotify_add_watch ioprio_set"),
    *_always(
        "shmget shmat shmctl semget semop semctl semtimedop msgget msgsnd msgrcv msgctl mq_open mq_unlink"
    ),
    *_OWN,
    Denial("setpriority", argument=1, mask=_ALL, values=(0,), only=True),
    Denial("ioctl", argument=1, mask=_ALL, values=_ATTRIBUTES),
)
"""What Landlock leaves open, and own namespaces do not: owners, times and attributes of files that can be
named, what happens in a folder, memory and queues by number, limits and priorities of others."""


def denials(by: str, *, net: bool) -> tuple[Denial, ...]:
    """What is denied in walls by *by* (``bubblewrap``, ``landlock``)."""
    if by == "bubblewrap":  # its network is empty, and its files have no sockets
        return DANGEROUS + (INTERNET_ONLY if net else ())
    return DANGEROUS + SHARED + (INTERNET_ONLY if net else NO_SOCKETS)
