"""Bounds of a job on a control group that is made of plain files."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from labd.process import group
from labd.process.bounds import Bounds

GIB = 1 << 30
MEMORY = ("memory.max", "memory.swap.max", "memory.oom.group", "memory.peak", "memory.events")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Groups in *tree* get the files that ``tree/files`` names, as a kernel would give them."""

    def mkdir(path: str, mode: int) -> None:
        real(path, mode)
        for name in (tmp_path / "files").read_text().split():
            Path(path, name).touch()

    real = os.mkdir
    monkeypatch.setattr(group.os, "mkdir", mkdir)
    monkeypatch.setattr(group, "PATIENCE", 1)
    (tmp_path / "files").write_text(" ".join((*MEMORY, "cpu.max", "pids.max", "cgroup.kill")))
    return tmp_path


def bounds(tree: Path, **order: Any) -> Bounds:
    """Bounds that a job was admitted to."""
    made = Bounds({"cgroup": str(tree)} | order, "job-7.1")
    assert made.admit(42) == ""
    return made


def put(tree: Path, **files: object) -> None:
    for name, text in files.items():
        (tree / "job-7.1" / name.replace("_", ".")).write_text(f"{text}\n")


def said(tree: Path, name: str) -> str:
    return (tree / "job-7.1" / name).read_text()


def test_the_group_gets_the_job_and_the_limit(tree: Path) -> None:
    made = bounds(tree, memory=2 * GIB)
    assert said(tree, "cgroup.procs") == "42"
    assert said(tree, "memory.max") == str(2 * GIB)
    assert (said(tree, "memory.swap.max"), said(tree, "memory.oom.group")) == ("0", "1")
    assert said(tree, "cpu.max") == ""
    assert made.wait(0.0) is None, "the kernel sees to it, nobody need look"


def test_threads_are_limited_where_they_are_counted(tree: Path) -> None:
    bounds(tree, tasks=3000)
    assert said(tree, "pids.max") == "3000"


def test_a_job_without_a_limit_is_not_limited_but_counted(tree: Path) -> None:
    made = bounds(tree)
    assert said(tree, "memory.max") == ""
    put(tree, memory_peak=123)
    made.settle(50)
    assert made.peak == 123


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        ({"cpus": 1.5, "enforce_cpus": True}, "150000 100000"),
        ({"cpus": 0.001, "enforce_cpus": True}, "1000 100000"),
        ({"cpus": 1.5}, ""),
        ({"cpus": 0, "enforce_cpus": True}, ""),
    ],
)
def test_cores_are_held_to_only_where_that_is_wanted(tree: Path, order: dict[str, Any], wanted: str) -> None:
    bounds(tree, **order)
    assert said(tree, "cpu.max") == wanted


def test_without_the_controller_the_shim_looks_itself(tree: Path) -> None:
    (tree / "files").write_text("cgroup.kill")
    made = bounds(tree, memory=1 << 50)
    assert made.wait(0.0) == 0.0
    made.kill()
    assert said(tree, "cgroup.kill") == "1"


def test_a_group_that_cannot_be_made_is_named_and_the_shim_looks_itself(tmp_path: Path) -> None:
    made = Bounds({"cgroup": str(tmp_path / "none"), "memory": GIB}, "job-7.1")
    assert made.admit(42) == f"no control group {tmp_path}/none/job-7.1: No such file or directory"
    assert made.wait(0.0) == 0.0
    made.kill()


def test_a_job_without_bounds_makes_nobody_look() -> None:
    made = Bounds({}, "job-7.1")
    assert made.admit(42) == ""
    assert made.wait(0.0) is None
    assert not made.exceeded(1e9)
    made.settle(100)
    assert (made.peak, made.explain("exited")) == (None, "")


def test_an_end_by_the_kernel_at_the_limit_is_told_from_other_kills(tree: Path) -> None:
    made = bounds(tree, memory=2 * GIB)
    put(tree, memory_peak=2 * GIB, memory_events="low 0\noom 3\noom_kill 2\noom_group_kill 1")
    made.settle(GIB)
    assert made.peak == 2 * GIB
    assert made.reason("exited", signal.SIGKILL) == "out_of_memory"
    assert made.explain("out_of_memory") == "used all of the 2 GiB it asked for"
    assert made.reason("cancelled", signal.SIGKILL) == "cancelled"
    assert made.reason("exited", None) == "exited"


def test_a_kill_that_was_not_for_memory_is_none(tree: Path) -> None:
    made = bounds(tree, memory=2 * GIB)
    put(tree, memory_peak=2 * GIB, memory_events="oom 0\noom_kill 0")
    made.settle(GIB)
    assert made.reason("exited", signal.SIGKILL) == "exited"


def test_a_machine_without_memory_is_not_blamed_on_the_limit(tree: Path) -> None:
    made = bounds(tree, memory=2 * GIB)
    put(tree, memory_peak=GIB, memory_events="oom 0\noom_kill 1")
    made.settle(GIB)
    assert made.reason("exited", signal.SIGKILL) == "out_of_memory"
    assert made.explain("out_of_memory") == "the machine ran out of memory when it used 1 GiB"


@pytest.mark.parametrize(
    ("used", "limit", "words"),
    [
        (2_254_857_830, 2 * GIB, "used 2.1 GiB of the 2 GiB it asked for"),
        (2_190_433_321, 2 * GIB, "used 2.04 GiB of the 2 GiB it asked for"),
        (700 << 20, 512 << 20, "used 700 MiB of the 512 MiB it asked for"),
        (GIB, 512 << 20, "used 1 GiB of the 512 MiB it asked for"),
    ],
)
def test_the_sentence_says_how_much_of_what(used: int, limit: int, words: str) -> None:
    made = Bounds({"memory": limit}, "job-7.1")
    made.peak = used
    assert made.explain("out_of_memory") == words


def test_a_spike_between_two_looks_shows_but_files_do_not_make_it_exceed() -> None:
    made = Bounds({"memory": 1 << 50}, "job-7.1")
    made.admit(os.getpid())
    made.settle(300)
    assert made.peak == 300
    made = Bounds({"memory": 200}, "job-7.1")
    made.admit(os.getpid())
    made.settle(300)
    assert made.peak == 200


@pytest.mark.parametrize("broken", [{"memory": "much"}, {"cpus": "two", "enforce_cpus": 1}, {"memory": [1]}])
def test_bounds_that_are_no_numbers_are_refused(broken: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Bounds(broken, "job-7.1")
