"""What a job asked for is what it gets, under real shims. The kernel's own limits need a delegated group."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labd.jobs import attempts
from labd.process import group, procs
from tests.jobs.shim.groups import members, real_tree
from tests.jobs.shim.support import Attempt, python, shell
from tests.jobs.shim.test_shim import NASTY
from tests.support import wait_until

pytestmark = pytest.mark.real
Begin = Callable[[dict[str, Any]], Attempt]
MIB = 1 << 20
BUSY = 7.0
"""Seconds more for a busy machine."""


@pytest.fixture
def tree() -> Iterator[str]:
    with real_tree() as tree:
        yield tree


def test_several_processes_that_together_use_too_much_are_ended_and_that_is_said(begin: Begin) -> None:
    text = """if 1:
        import os, sys, time
        for _ in range(4):
            if os.fork() == 0:
                block = b"x" * (60 << 20)
                time.sleep(600)
        print(time.time(), flush=True)
        time.sleep(600)
    """
    attempt = begin(python(text, memory=160 * MIB, grace=600.0))
    end = attempt.until_over()
    assert (end["reason"], end["exit_code"], end["signal"]) == ("out_of_memory", None, signal.SIGKILL)
    assert 160 * MIB < end["peak_memory"] < 400 * MIB
    assert end["message"].startswith("used ")
    assert end["message"].endswith(" of the 160 MiB it asked for")
    assert end["max_rss"] < 160 * MIB, "no process of them exceeded it alone"
    assert end["ended"] - float(attempt.log()) < 2.0 + BUSY
    assert attempt.processes() == []


def test_a_child_that_hides_in_a_session_of_its_own_is_counted(begin: Begin) -> None:
    text = """if 1:
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            block = b"x" * (120 << 20)
        time.sleep(600)
    """
    end = begin(python(text, memory=100 * MIB, grace=600.0)).until_over()
    assert end["reason"] == "out_of_memory"
    assert end["peak_memory"] > 100 * MIB


def test_a_job_that_stays_below_is_left_alone_and_its_peak_is_known(begin: Begin) -> None:
    end = begin(python("import time; b = b'x' * (60 << 20); time.sleep(0.5)", memory=500 * MIB)).until_over()
    assert (end["reason"], end["exit_code"], end["message"]) == ("exited", 0, "")
    assert 60 * MIB < end["peak_memory"] < 200 * MIB


def test_pages_that_forks_share_count_once(begin: Begin) -> None:
    text = """if 1:
        import os, time
        block = b"x" * (60 << 20)
        for _ in range(4):
            if os.fork() == 0:
                time.sleep(600)
        time.sleep(1.0)
    """
    end = begin(python(text, memory=150 * MIB, grace=0.0)).until_over()
    assert (end["reason"], end["exit_code"]) == ("exited", 0)
    assert 60 * MIB < end["peak_memory"] < 150 * MIB


def test_a_program_that_is_being_started_does_not_count_twice(begin: Begin, tmp_path: Path) -> None:
    # until its exec, a process of vfork has the memory of its parent; here it waits for us before that
    text = """if 1:
        import os, sys
        block = b"x" * (60 << 20)
        print("spawning", flush=True)
        opening = [(os.POSIX_SPAWN_OPEN, 3, sys.argv[1], os.O_RDONLY, 0)]
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}, file_actions=opening), 0)
    """
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    what = python(text, memory=110 * MIB)
    attempt = begin(what | {"argv": [*what["argv"], str(fifo)]})
    attempt.until_logged("spawning")
    wait_until(lambda: len(procs.below(attempt.pid)) == 2)
    switches = _switches(attempt.pid)
    wait_until(lambda: _switches(attempt.pid) > switches + 2 or attempt.released())
    opened = os.open(fifo, os.O_RDWR)
    end = attempt.until_over()
    os.close(opened)
    assert (end["reason"], end["exit_code"]) == ("exited", 0)
    assert end["peak_memory"] < 110 * MIB


def test_pages_of_mapped_files_are_the_kernels_to_drop(begin: Begin, tmp_path: Path) -> None:
    kind = subprocess.run(["stat", "-f", "-c", "%T", tmp_path], check=True, capture_output=True, text=True)
    if kind.stdout.strip() == "tmpfs":
        pytest.skip("files are memory here")
    data = tmp_path / "data"
    data.write_bytes(b"x" * (150 * MIB))
    text = """if 1:
        import mmap, sys, time
        with open(sys.argv[1], "rb") as file:
            view = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        assert view.find(b"y") == -1
        time.sleep(0.5)
    """
    what = python(text, memory=100 * MIB)
    end = begin(what | {"argv": [*what["argv"], str(data)]}).until_over()
    assert (end["reason"], end["exit_code"]) == ("exited", 0)
    assert end["max_rss"] > 150 * MIB


def _switches(pid: int) -> int:
    """How often a process went to sleep."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(text.split("voluntary_ctxt_switches:")[1].split()[0])


def test_a_shim_without_a_limit_sleeps_until_something_happens(begin: Begin) -> None:
    attempt = begin(shell("echo one; sleep 0.7; echo two; sleep 0.7; echo three; sleep 600"))
    attempt.until_logged("two")  # by now the first sleep has been reaped by the shell, not by the shim
    switches = _switches(attempt.pid)
    attempt.until_logged("three")
    assert _switches(attempt.pid) == switches


def test_a_job_is_among_the_first_to_go_when_the_machine_has_no_memory(begin: Begin) -> None:
    attempt = begin(shell("cat /proc/self/oom_score_adj"))
    attempt.until_over()
    assert int(attempt.log()) >= 100


def test_without_means_to_count_the_peak_is_unknown(begin: Begin) -> None:
    assert begin(shell("true")).until_over()["peak_memory"] is None


def test_the_job_and_all_it_starts_are_in_a_group_that_goes_with_it(begin: Begin, tree: str) -> None:
    attempt = begin(shell("setsid sleep 600 & echo ready; cat /proc/self/cgroup; sleep 600", cgroup=tree))
    attempt.until_logged("0::/")
    home = f"{tree}/job-1.1"
    wait_until(lambda: len(attempt.processes()) >= 3)
    assert sorted(members(home)) == sorted(attempt.processes())
    assert attempt.pid not in members(home)
    assert f"{os.path.basename(tree)}/job-1.1" in attempt.log()
    attempts.cancel(attempt.folder, 60.0)
    assert attempt.until_over()["reason"] == "cancelled"
    assert not os.path.exists(home)


def test_r10_cancel_ends_a_nasty_tree_in_a_group(begin: Begin, tree: str) -> None:
    attempt = begin(python(NASTY, cgroup=tree))
    attempt.until_logged("grown")
    attempts.cancel(attempt.folder, 0.2)
    assert attempt.until_over()["reason"] == "cancelled"
    assert attempt.processes() == []
    assert os.listdir(tree) == [name for name in os.listdir(tree) if not name.startswith("job-")]


def test_a_group_is_ended_at_once(tree: str) -> None:
    made = group.make(f"{tree}/job-1.1")
    begin, go = os.pipe()
    text = "read begin; (setsid sleep 600 & sleep 600; true) & sleep 600; true"
    with subprocess.Popen(["sh", "-c", text], stdin=begin) as process:
        try:
            made.add(process.pid)
            os.write(go, b"begin\n")
            wait_until(lambda: len(members(made.path)) == 5)
            assert made.kill()
            assert process.wait(60) == -signal.SIGKILL
        finally:
            process.kill()
            os.close(begin)
            os.close(go)
    wait_until(lambda: not members(made.path))
    assert made.remove()
    assert made.remove(), "it is gone"


def test_an_older_group_of_that_name_is_ended_first(begin: Begin, tree: str) -> None:
    older = group.make(f"{tree}/job-1.1")
    with subprocess.Popen(["sleep", "600"]) as process:
        older.add(process.pid)
        os.mkdir(f"{tree}/job-1.1/inner")
        try:
            attempt = begin(shell("cat /proc/self/cgroup", cgroup=tree))
            assert attempt.until_over()["exit_code"] == 0
            assert process.wait(60) == -signal.SIGKILL
        finally:
            process.kill()
    assert "/job-1.1" in attempt.log()


def test_memory_is_seen_to_where_the_group_has_no_controller(begin: Begin, tree: str) -> None:
    if "memory" in Path(tree, "cgroup.controllers").read_text().split():
        pytest.skip("here the kernel sees to it")
    text = "import time; block = b'x' * (120 << 20); time.sleep(600)"
    end = begin(python(text, memory=100 * MIB, cgroup=tree)).until_over()
    assert end["reason"] == "out_of_memory"
    assert end["peak_memory"] > 100 * MIB


def test_a_group_that_cannot_be_had_is_named_in_the_log_and_the_job_runs(begin: Begin) -> None:
    attempt = begin(shell("echo ran", cgroup="/nowhere"))
    assert attempt.until_over()["exit_code"] == 0
    assert attempt.log() == "labd: no control group /nowhere/job-1.1: No such file or directory\nran\n"
