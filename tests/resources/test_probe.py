"""The capacity is what the configuration says, and what the machine says where it says ``auto``."""

import os

from labd.resources.ledger import MILLI
from labd.resources.probe import cgroup_limits, machine


def test_the_machine_is_asked_for_what_is_not_configured():
    found = machine()
    assert found.cores == MILLI * len(os.sched_getaffinity(0))
    assert found.memory > 2**20


def test_configured_values_win():
    found = machine(3, 2**30)
    assert (found.cores, found.memory) == (3 * MILLI, 2**30)


def test_the_tightest_control_group_counts(tmp_path):
    own = tmp_path / "own"
    own.write_text("4:memory:/v1\n0::/a/b\n")
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "memory.max").write_text("max\n")
    (tmp_path / "a" / "memory.max").write_text("4096\n")
    assert cgroup_limits(own, tmp_path) == [4096]
    assert cgroup_limits(tmp_path / "absent", tmp_path) == []
