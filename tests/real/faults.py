"""strace as a saboteur: it counts a daemon's system calls, kills it at one of them, or makes one fail.

Only the daemon's own threads are traced: whatever it starts is let go at its execve. strace runs as a
grandchild (``-D``), so that the process we started is the daemon itself, or is attached to one that runs.
Counts are per thread.
"""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import wait_until

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is missing: install the package strace"
)

_BASE = ("strace", "-qq", "-f", "-b", "execve")


def tracing(path: Path, calls: tuple[str, ...]) -> list[str]:
    """The words before a command that write its *calls* to *path*."""
    return [*_BASE, "-D", "-o", str(path), "-e", f"trace={','.join(calls)}"]


def killing(call: str, when: int) -> list[str]:
    """The words before a command that SIGKILL it as the *when*-th *call* of a thread begins."""
    return [*_BASE, "-D", *_injecting(call, f"signal=SIGKILL:when={when}")]


def failing(call: str, error: str, when: str) -> list[str]:
    """The words before a command that let a *call* fail with *error*; *when* is in strace's words."""
    return [*_BASE, "-D", *_injecting(call, f"error={error}:when={when}")]


@contextmanager
def failures(pid: int, call: str, error: str, when: str) -> Iterator[None]:
    """The same for a process that runs: every thread of *pid* is counted from now on, until we leave."""
    words = [*_BASE, *_injecting(call, f"error={error}:when={when}"), "-p", str(pid)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as strace:
        try:
            wait_until(lambda: all(map(_traced, Path(f"/proc/{pid}/task").iterdir())))
            yield
        finally:
            strace.terminate()


def _traced(task: Path) -> bool:
    return "TracerPid:\t0\n" not in (task / "status").read_text()


def _injecting(call: str, what: str) -> list[str]:
    return ["-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{what}"]


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
