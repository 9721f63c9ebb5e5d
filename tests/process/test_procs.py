"""Reading /proc, and signals that reach only whom they are meant for."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from labd.process import procs
from labd.process.procs import Process

STAT = b"42 (a) R 1 (x) S 7 " + b" ".join(b"%d" % n for n in range(5, 53)) + b"\n"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_a_name_that_imitates_the_format_is_read_right() -> None:
    assert procs.parse(STAT) == Process(42, 7, "S", 22)


def test_a_torn_line_is_no_process() -> None:
    assert procs.parse(b"42 (sh) R 1 2") is None
    assert procs.parse(b"") is None


def test_descendants_are_found_at_any_depth_without_zombies() -> None:
    table = [Process(2, 1, "S", 0), Process(3, 2, "Z", 0), Process(4, 3, "R", 0), Process(5, 9, "S", 0)]
    assert [process.pid for process in procs.descendants(1, table)] == [2, 4]
    assert procs.descendants(77, table) == []


def test_a_loop_in_the_table_ends() -> None:
    assert len(procs.descendants(1, [Process(1, 2, "S", 0), Process(2, 1, "S", 0)])) == 2


@pytest.mark.real
def test_the_meant_process_gets_the_signal(sleeper: subprocess.Popen[bytes]) -> None:
    meant = procs.look(sleeper.pid)
    assert meant is not None
    assert procs.send(meant, 0, signal.SIGTERM) is True
    assert sleeper.wait(60) == -signal.SIGTERM


@pytest.mark.real
@pytest.mark.parametrize("change", [{"born": 1}, {"parent": 1}])
def test_r9_a_stranger_with_the_same_pid_gets_none(
    sleeper: subprocess.Popen[bytes], change: dict[str, int]
) -> None:
    now = procs.look(sleeper.pid)
    assert now is not None
    assert procs.send(now._replace(**change), 1, signal.SIGKILL) is False
    assert sleeper.poll() is None


@pytest.mark.real
def test_an_adopted_process_is_still_the_meant_one(sleeper: subprocess.Popen[bytes]) -> None:
    now = procs.look(sleeper.pid)
    assert now is not None
    assert procs.send(now._replace(parent=1), os.getpid(), signal.SIGKILL) is True


@pytest.mark.real
def test_who_is_gone_gets_none(sleeper: subprocess.Popen[bytes]) -> None:
    meant = procs.look(sleeper.pid)
    assert meant is not None
    sleeper.kill()
    sleeper.wait(60)
    assert procs.look(sleeper.pid) is None
    assert procs.send(meant, 0, signal.SIGKILL) is False
