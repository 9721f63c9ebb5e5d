"""dl_jobs on labd: its own tests, and jobs in a real daemon."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon_process import CLEAN, PATIENCE, DaemonProcess

DL_JOBS = Path(__file__).parents[2] / "plugins_contrib" / "labd-dl-jobs"

SUMS = """
from dl_jobs.decorators import as_json, attempt, expand_args
def square(x):
    print("task", x)
    if x == 2: raise ValueError("two")
    return x * x
@as_json
@attempt
@expand_args
def add(a, b=1): return {"sum": a + b}
"""
RUN = """
from dl_jobs.job import DLJob
def squares(n): return DLJob("sums", "square", args_list=int(n), platform_job=True, name="squares")
def sums(n):
    calls = [{"a": i, "b": 10} for i in range(int(n))]
    there = {"platform_job": True, "results_timestamp": False}
    return [DLJob("sums", "add", args_list=calls, save_results="many", **there),
            DLJob("sums", "add", kwargs={"a": 4}, save_results="one", **there)]
"""

pytestmark = pytest.mark.real


def test_the_distribution_passes_its_own_tests() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(DL_JOBS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE * 2, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


class Place:
    """A project, and a daemon for its jobs."""

    def __init__(self) -> None:
        self.daemon = DaemonProcess()
        self.folder = Path(self.daemon.folder, "project")
        (self.folder / "run").mkdir(parents=True)
        (self.folder / "sums.py").write_text(SUMS)
        (self.folder / "run" / "jobs.py").write_text(RUN)

    def dl_jobs(self, *words: str) -> "subprocess.CompletedProcess[str]":
        main = "import sys; from dl_jobs.cli import main; sys.exit(main())"
        env = CLEAN | {"LABD_SOCKET": self.daemon.socket, "PYTHONPATH": f"{DL_JOBS}/src"}
        return subprocess.run(
            [sys.executable, "-c", main, *words], cwd=self.folder, env=env,
            capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip

    def lines(self, pattern: str) -> list[object]:
        return [
            json.loads(line) for path in self.folder.glob(pattern) for line in path.read_text().splitlines()
        ]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    place = Place()
    with place.daemon:
        place.daemon.start()
        yield place


def test_tasks_in_labd_give_results_errors_and_logs(place: Place) -> None:
    done = place.dl_jobs("run", "jobs.squares", "4", "--dev", "false")
    assert done.returncode == 1, done.stderr
    assert sorted(place.lines("results/squares_*.ndjson")) == [0, 1, 9]
    [error] = place.lines("errors/squares_*.ndjson")
    assert (error["ERROR"], error["ARGS"], error["TASK"]) == ("ValueError: two", [2], 2)
    assert "sums.py" in error["TRACEBACK"]
    assert "logs[3]\n" in done.stdout
    assert "task 3\n" in done.stdout


def test_several_jobs_of_one_method_and_a_task_without_arguments(place: Place) -> None:
    done = place.dl_jobs("run", "jobs.sums", "3", "--dev", "false")
    assert done.returncode == 0, done.stderr
    assert sorted(value["sum"] for value in place.lines("results/many.ndjson")) == [10, 11, 12]
    assert place.lines("results/one.ndjson") == [{"sum": 5}]


def test_the_test_command_in_labd(place: Place) -> None:
    done = place.dl_jobs("test", "2", "a", "b", "hello=world", "platform=true", "--dev", "false")
    assert done.returncode == 0, done.stderr
    assert "-platform" in done.stdout
    assert len(place.lines("results/*return_args*.ndjson")) == 2


def test_a_function_that_is_not_there_is_said(place: Place) -> None:
    (place.folder / "run" / "gone.py").write_text(RUN.replace('"square"', '"cube"'))
    done = place.dl_jobs("run", "gone.squares", "2", "--dev", "false")
    assert done.returncode == 1
    assert "cube" in done.stderr + done.stdout
