"""strace as a saboteur: it counts a daemon's system calls, kills it at one of them, or makes one fail.

Only the daemon's own threads are traced: whatever it starts is let go at its execve. strace runs as a
grandchild (``-D``), so that the process we started is the daemon itself. Counts are per thread.
"""

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is missing: install the package strace"
)

_BASE = ("strace", "-qq", "-D", "-f", "-b", "execve", "--seccomp-bpf")


def tracing(path: Path, calls: tuple[str, ...]) -> list[str]:
    """The words before a command that write its *calls* to *path*."""
    return [*_BASE, "-o", str(path), "-e", f"trace={','.join(calls)}"]


def killing(call: str, when: int) -> list[str]:
    """The words before a command that SIGKILL it as the *when*-th *call* of a thread begins."""
    return _injecting(call, f"signal=SIGKILL:when={when}")


def failing(call: str, error: str, when: str) -> list[str]:
    """The words before a command that let a *call* fail with *error*; *when* is in strace's words."""
    return _injecting(call, f"error={error}:when={when}")


def _injecting(call: str, what: str) -> list[str]:
    return [*_BASE, "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{what}"]


def most(path: Path, since: str = "") -> dict[str, tuple[int, int]]:
    """For each system call in a trace: how many the thread with most of them made, before the first line
    that holds *since* and in all."""
    before: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    begun = not since
    for line in path.read_text(errors="replace").splitlines():
        begun = begun or since in line
        if found := re.match(r"(\d+)\s+(\w+)\(", line):
            total[found.groups()] += 1
            before[found.groups()] += not begun
    busiest = {call: max((n, thread) for (thread, c), n in total.items() if c == call) for _, call in total}
    return {call: (before[thread, call], n) for call, (n, thread) in busiest.items()}
