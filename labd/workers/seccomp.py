"""From a table of denied system calls to a program for the kernel's filter. Pure.

The program is classic BPF over ``struct seccomp_data``: https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import errno
import struct
from collections import namedtuple

from labd.workers.syscalls import LAST, MACHINES, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_LOAD, _AND = 0x20, 0x54  # BPF_LD|W|ABS, BPF_ALU|AND|K
_EQUAL, _AT_LEAST, _ANSWER = 0x15, 0x35, 0x06  # BPF_JMP|JEQ|K, BPF_JMP|JGE|K, BPF_RET|K
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16  # where they stand in struct seccomp_data
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_X32 = 0x40000000  # the calls of another ABI of x86-64, under the same word for the machine

Denial = namedtuple(
    "Denial", "call error argument mask values only", defaults=(errno.EPERM, None, 0, (), False)
)
"""The call *call* fails with *error*: always, or if its *argument* (0 is the first), of which the bits in
*mask* count, is one of *values*; with *only* if it is none of them."""


def program(machine: str, denials: Iterable[Denial]) -> bytes:
    """The filter for *machine* (``uname -m``): what is not denied is allowed. Raises KeyError for a machine
    without a table. A call by the rules of another machine kills; one newer than our table is not there."""
    lines = [(_LOAD, 0, 0, _MACHINE), (_EQUAL, 1, 0, MACHINES[machine][0]), (_ANSWER, 0, 0, _KILL)]
    lines += [(_LOAD, 0, 0, _NUMBER)]
    lines += [(_AT_LEAST, 0, 1, _X32), (_ANSWER, 0, 0, _KILL)]
    lines += [(_AT_LEAST, 0, 1, LAST + 1), (_ANSWER, 0, 0, _FAIL | errno.ENOSYS)]
    for denial in denials:
        found = number(denial.call, machine)
        if found is not None:
            block = _block(denial)
            lines += [(_EQUAL, 0, len(block), found), *block]
    return b"".join(struct.pack("=HBBI", *line) for line in [*lines, (_ANSWER, 0, 0, _ALLOW)])


def _block(denial: Denial) -> list[tuple[int, int, int, int]]:
    """What follows a call that is meant; it goes on behind its last line where that is not denied."""
    deny = (_ANSWER, 0, 0, _FAIL | denial.error)
    if denial.argument is None:
        return [deny]
    last = len(denial.values) - 1
    lines = [(_LOAD, 0, 0, _ARGUMENTS + 8 * denial.argument), (_AND, 0, 0, denial.mask)]
    for place, value in enumerate(denial.values):
        hit = last - place + denial.only  # to the denial, or past it
        lines.append((_EQUAL, hit, int(place == last and not denial.only), value))
    return [*lines, deny, (_LOAD, 0, 0, _NUMBER)]
