"""The filter, run as the kernel would run it."""

import errno
import struct
from pathlib import Path

import pytest

from labd.workers.denials import denials
from labd.workers.seccomp import Denial, program
from labd.workers.syscalls import LAST, MACHINES, NUMBERS, number

ALLOW, KILL = 0x7FFF0000, 0x80000000
DENIED = 0x00050000 | errno.EPERM


def judge(filter, call, *arguments, machine="x86_64", abi=None):
    """The answer of *filter* to a call, by number or by name."""
    call = number(call, machine) if isinstance(call, str) else call
    words = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=iIQ6Q", call, MACHINES[machine][0] if abi is None else abi, 0, *words)
    lines = [struct.unpack_from("=HBBI", filter, 8 * place) for place in range(len(filter) // 8)]
    held, at = 0, 0
    while True:
        code, yes, no, value = lines[at]
        at += 1
        if code == 0x20:
            (held,) = struct.unpack_from("=I", data, value)
        elif code == 0x54:
            held &= value
        elif code == 0x06:
            return value
        else:
            at += yes if {0x15: held == value, 0x35: held >= value}[code] else no


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("by", ["bubblewrap", "landlock"])
@pytest.mark.parametrize("net", [False, True])
def test_every_call_of_the_table_is_judged_as_the_table_says(machine, by, net):
    table = denials(by, net=net)
    filter = program(machine, table)
    assert len(filter) // 8 < 4096  # the kernel takes no longer one
    always = {
        number(each.call, machine) for each in table if each.argument is None and each.error == errno.EPERM
    }
    sometimes = {number(each.call, machine) for each in table} - always
    for call in range(LAST + 1):
        answer = judge(filter, call, machine=machine)
        if call in always:
            assert answer == DENIED, call
        elif call not in sometimes:
            assert answer == ALLOW, call


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_that_are_judged_by_their_arguments(machine):
    def ask(by, net, *call):
        return judge(program(machine, denials(by, net=net)), *call, machine=machine)

    assert ask("bubblewrap", False, "clone", 0x11) == ALLOW  # fork
    assert ask("bubblewrap", False, "clone", 0x3D0F00) == ALLOW  # a thread
    for flag in (0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert ask("bubblewrap", False, "clone", flag | 0x11) == DENIED
    assert ask("bubblewrap", False, "clone3") == 0x00050000 | errno.ENOSYS
    assert ask("bubblewrap", False, "ioctl", 0, 0x5412) == DENIED
    assert ask("bubblewrap", False, "ioctl", 0, 0x541C) == DENIED
    assert ask("bubblewrap", False, "ioctl", 0, 0x5413) == ALLOW
    assert ask("bubblewrap", False, "ioctl", 0, 0x5412 | 1 << 32) == DENIED  # the kernel reads 32 bits
    assert ask("bubblewrap", False, "ioctl", 0, 0x40086602) == ALLOW
    assert ask("landlock", False, "ioctl", 0, 0x40086602) == DENIED
    assert ask("bubblewrap", False, "socket", 1) == ALLOW
    for by in ("bubblewrap", "landlock"):
        assert [ask(by, True, "socket", family) for family in (2, 10, 16)] == [ALLOW] * 3
        assert [ask(by, True, "socket", family) for family in (1, 17, 38, 40)] == [DENIED] * 4
        assert ask(by, True, "socketpair", 1, 1 | 0o2000000) == ALLOW
        assert ask(by, True, "socketpair", 1, 2 | 0o2000000) == DENIED
    assert ask("landlock", False, "socket", 2) == DENIED
    assert ask("landlock", False, "prlimit64", 0) == ALLOW
    assert ask("landlock", False, "prlimit64", 77) == DENIED
    assert ask("landlock", False, "setpriority", 0, 0) == ALLOW
    assert (
        ask("landlock", False, "setpriority", 0, 77) == ask("landlock", False, "setpriority", 2, 0) == DENIED
    )


def test_the_calls_of_other_machines_kill():
    filter = program("x86_64", ())
    assert judge(filter, 1) == ALLOW
    assert judge(filter, 1, abi=0x40000003) == KILL  # i386
    assert judge(filter, 0x40000000 + 1) == KILL  # x32
    assert judge(program("aarch64", ()), 1) == KILL  # x86-64 there


def test_what_is_newer_than_the_table_is_not_there():
    assert judge(program("x86_64", ()), LAST + 1) == 0x00050000 | errno.ENOSYS


def test_a_machine_or_a_call_without_a_number_is_an_error():
    with pytest.raises(KeyError):
        program("riscv64", ())
    with pytest.raises(KeyError):
        program("x86_64", [Denial("no_such_call")])


@pytest.mark.parametrize(
    ("column", "name"), [(0, "x86_64-linux-gnu/asm/unistd_64.h"), (1, "asm-generic/unistd.h")]
)
def test_the_numbers_are_those_of_the_headers(column, name):
    path = Path("/usr/include", name)
    if not path.exists():
        pytest.skip("needs linux-libc-dev")
    lines = [line.split() for line in path.read_text().splitlines() if line.startswith("#define __NR_")]
    known = {
        words[1].removeprefix("__NR_"): int(words[2]) for words in lines if words[2:] and words[2].isdigit()
    }
    found = {name: known[name] for name in NUMBERS if name in known}
    assert len(found) > 60
    assert {name: NUMBERS[name][column] for name in found} == found
