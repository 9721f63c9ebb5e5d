"""A real cgroup v2 folder for tests, where this machine lets us have one."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from labd.jobs import limits
from labd.process.group import Group

ROOT = "/sys/fs/cgroup"


@contextmanager
def real_tree() -> Iterator[str]:
    """A group of our own without any process; the test is skipped where there can be none."""
    base = limits.own_group(ROOT, "/proc/self/cgroup")
    if base is None or not os.access(base, os.W_OK):
        pytest.skip("no cgroup v2 folder that this user may write")
    tree = os.path.join(base, f"labd-test-{uuid.uuid4().hex}")
    try:
        os.mkdir(tree)
    except OSError as error:
        pytest.skip(f"no cgroup can be made in {base}: {error}")
    try:
        yield tree
    finally:
        Group(tree).kill()
        deadline = time.monotonic() + 30.0
        while not Group(tree).remove():
            assert time.monotonic() < deadline, f"{tree} cannot be removed"


def members(path: str) -> list[int]:
    with open(f"{path}/cgroup.procs") as file:
        return [int(word) for word in file.read().split()]
