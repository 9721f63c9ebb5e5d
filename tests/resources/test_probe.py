"""The capacity is what the configuration says, and what the machine says where it says ``auto``."""

import os

from labd.resources.ledger import MILLI
from labd.resources.probe import cgroup_limits, machine, nvidia_gpus


def test_the_machine_is_asked_for_what_is_not_configured():
    found = machine()
    assert found.cores == MILLI * len(os.sched_getaffinity(0))
    assert found.memory > 2**20


def test_configured_values_win():
    found = machine(3, 2**30, [0, 2])
    assert (found.cores, found.memory, found.gpus) == (3 * MILLI, 2**30, (0, 2))


def test_no_gpus_when_none_are_wanted():
    assert machine(gpus="none").gpus == ()


def test_gpus_are_counted_without_loading_the_driver_library(tmp_path):
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / name).mkdir()
    assert nvidia_gpus(tmp_path) == (0, 1)
    assert nvidia_gpus(tmp_path / "absent") == ()


def test_the_tightest_control_group_counts(tmp_path):
    own = tmp_path / "own"
    own.write_text("4:memory:/v1\n0::/a/b\n")
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "memory.max").write_text("max\n")
    (tmp_path / "a" / "memory.max").write_text("4096\n")
    assert cgroup_limits(own, tmp_path) == [4096]
    assert cgroup_limits(tmp_path / "absent", tmp_path) == []
