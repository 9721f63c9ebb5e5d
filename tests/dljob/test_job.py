import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from labd.dljob.job import DLJob
from labd.dljob.work import Done, Failure, Said
from labd.errors import ConfigError, UsageError
from tests.dljob.conftest import Heard

MODULE = """
def square(x):
    if x == 2: raise ValueError("two")
    return x * x
def pair(a, b=0): return [a, {"ERROR": "bad", "b": b}]
def odd(x): return {x} if x else "ERROR: zero"
def warn(x): return {"DeprecationWarning": x}
"""


class Elsewhere:
    """A target whose news are given."""

    def __init__(self, *news):
        self.news, self.work = news, None

    def run(self, work) -> Iterator[object]:
        self.work = work
        return iter(self.news)


@pytest.fixture
def make(project, heard: Heard):
    project("sums", MODULE)

    def make(function, **options):
        job = DLJob("sums", function, **options)
        job.console = heard
        return job

    return make


def lines(folder):
    return [
        json.loads(line) for path in Path(folder).glob("*.ndjson") for line in path.read_text().splitlines()
    ]


def test_results_and_errors_are_said_and_saved(make, heard):
    job = make("square", args_list=4)
    assert job.run() is None
    assert heard.results == [(0, 0), (1, 1), (3, 9)]
    [(task, error)] = heard.errors
    assert (task, error["ERROR"], error["ARGS"]) == (2, "ValueError: two", [2])
    assert "sums.py" in error["TRACEBACK"]
    assert lines("results") == [0, 1, 9]
    assert lines("errors") == [error]


def test_a_single_task_gives_its_result_back(make):
    assert make("square", args=[5]).run() == 25
    assert make("square", x=3).run() == 9
    assert make("pair", args=[1], kwargs={"b": 2}).run() == [1, {"ERROR": "bad", "b": 2}]
    assert (sorted(lines("results")), lines("errors")) == ([1, 9, 25], [{"ERROR": "bad", "b": 2}])


def test_grouped_results_stay_on_one_line(make):
    make("pair", args=[1], grouped_results=True).run()
    assert lines("results") == [[1, {"ERROR": "bad", "b": 0}]]


def test_what_is_no_json_is_an_error_of_its_task(make, heard):
    make("odd", args_list=[0, 1]).run()
    assert lines("errors")[0] == "ERROR: zero"
    assert "the result of task 1 cannot be written as JSON" in lines("errors")[1]["ERROR"]
    assert not heard.results


def test_files_are_called_as_they_always_were(make):
    job = make("square", args_list=1, platform_job=True, results_timestamp=False, log="my log")
    job.target = Elsewhere()
    began = job.timer.began
    job.run()
    assert job.name == f"dljob_sums.square-{began:%b_%d_%Y_%H:%M:%S}-platform"
    assert [path.name for path in Path("logs").iterdir()] == [f"my.log_{began:%b.%d.%Y.%H:%M:%S}.log"]


def test_names_folders_and_stamps_can_be_chosen(make):
    make("square", args_list=3, save_results="all of it", save_errors="bad", results_timestamp=False,
         results_dir="out", errors_dir="out", log=False).run()  # fmt: skip
    assert sorted(str(path) for path in Path().rglob("*.ndjson")) == [
        "out/all.of.it.ndjson",
        "out/bad.ndjson",
    ]
    assert not Path("logs").exists()


def test_errors_go_to_the_results_when_they_have_no_file(make):
    make("pair", args=[1], save_errors=False).run()
    assert lines("results") == [1, {"ERROR": "bad", "b": 0}]
    assert not Path("errors").exists()


def test_without_results_nothing_is_written(make):
    make("pair", args=[1], save_results="False", log=False).run()
    assert not [*Path().rglob("*.ndjson"), *Path().rglob("*.log")]


def test_the_log_tells_the_whole_run(make, heard):
    job = make("square", args_list=[2], name="mine")
    job.run()
    [log] = Path("logs").iterdir()
    text = log.read_text()
    for part in ("DLJob.run: \n", "- job: mine", "- start: ", "- image: ", "ValueError: two", "failed: 1"):
        assert part in text
    assert "- tasks: 1, failed: 1" in heard.said
    assert "ValueError: two" in heard.said
    assert not [line for line in heard.said if "\n" in line]
    assert text.count("Traceback") == 1


def test_a_job_that_is_not_noisy_says_nothing_and_logs_all_the_same(make, heard):
    make("square", args_list=2, noisy="no").run()
    assert not heard.said + heard.results
    assert next(Path("logs").iterdir()).read_text()


def test_suppressed_words_are_neither_said_nor_logged_but_saved(make, heard):
    make("warn", args_list=[1]).run()
    assert not heard.results
    assert "deprecation" not in next(Path("logs").iterdir()).read_text().lower()
    assert lines("results") == [{"DeprecationWarning": 1}]


def test_a_target_gets_all_that_the_job_says(make):
    job = make(
        "square", args_list=[range(3)], modules=["sums"], requirements="numpy", cpu_job="false", gpus="2",
        cpus=2, platform_job=True, task_kwargs={"memory": "1Gi", "retry_count": 1}, name="n",
    )  # fmt: skip
    job.target = target = Elsewhere()
    job.run()
    work = target.work
    assert (work.module, work.function, list(work.args_list)) == ("sums", "square", [[0], [1], [2]])
    assert (work.cpus, work.gpus, work.memory, work.retries) == (2, 2, 2**30, 1)
    assert (work.modules, work.requirements, work.name) == (("sums",), ("numpy",), "n")


def test_logs_of_elsewhere_are_printed_when_asked(make, heard):
    job = make("square", args_list=3, noisy=False)
    job.target = Elsewhere(Done(1, 1), Said(1, "one\n"), Said(0, " \n"), Said(1, "more\n"))
    job.print_logs()
    job.run()
    assert not heard.said
    job.print_logs()
    assert heard.said == ["logs[1]", "-" * 100, "one", "more", ""]


def test_ends_may_come_in_any_order(make):
    job = make("square", args_list=["a", "b"])
    job.target = Elsewhere(Done(1, None, Failure("Killed", "out of memory")), Done(0, 7))
    running = job.start()
    running.finish()
    assert (running.tasks, running.failed) == (2, 1)
    assert lines("errors") == [{"ERROR": "Killed: out of memory", "ARGS": ["b"], "KWARGS": {}, "TASK": 1}]


def test_a_folder_that_cannot_be_written_is_said_before_the_work(make):
    Path("results").write_text("a file")
    job = make("square", args_list=3)
    job.target = target = Elsewhere()
    with pytest.raises(OSError, match="results"):
        job.run()
    assert target.work is None


def test_an_interrupted_run_says_so_in_its_log(make):
    def news():
        yield Done(0, 1)
        raise KeyboardInterrupt

    job = make("square", args_list=3)
    job.target = target = Elsewhere()
    target.run = lambda work: news()
    with pytest.raises(KeyboardInterrupt):
        job.run()
    assert "interrupted after 1 tasks: KeyboardInterrupt" in next(Path("logs").iterdir()).read_text()
    assert lines("results") == [1]


def test_settings_come_from_the_file_of_the_project(make):
    Path("dl_jobs.config.yaml").write_text("results_dir: out\ngpus: 1\ncpu_job: false\nlog: none\n")
    job = make("square", args_list=2)
    job.target = target = Elsewhere(Done(0, 5))
    job.run()
    assert (lines("out"), target.work.gpus, Path("logs").exists()) == ([5], 1, False)
    Path("dl_jobs.config.yaml").write_text("gpu: 1\n")
    with pytest.raises(ConfigError, match="line 1: there is no setting gpu"):
        make("square")


def test_a_wrong_option_is_named(make):
    with pytest.raises(UsageError, match="gpus cannot be 'two'"):
        make("square", gpus="two")
