from pathlib import Path

import pytest

from labd.dljob import commands
from labd.dljob.commands import Options
from labd.errors import LabdError, UsageError, WorkerError
from tests.dljob.conftest import Heard

RUN = """
from labd.dljob.job import DLJob
seen = {}
def task(*args, **kwargs):
    seen.update(args=args, kwargs=kwargs)
def one(value, gpus=1, noisy=None, *, cpus, args_list=None):
    seen.update(value=value, gpus=gpus, noisy=noisy, cpus=cpus, args_list=args_list)
    return DLJob("sums", "square", args=[int(value)], platform_job=True)
def many(n):
    squares = DLJob("sums", "square", args_list=int(n), log=False)
    return [squares, DLJob("no.such", log=False), DLJob("sums", "say")]
def fails(): raise ValueError("not today")
def wrong(): return {"a": 1}
def bad(): return DLJob("sums", gpus="x")
"""
SUMS = "def square(x): return 1 // x\ndef say(): return 'said'\n"
QUIET = Options(noisy=False)


@pytest.fixture
def seen(project):
    project("run.jobs", RUN)
    project("sums", SUMS)

    def look():
        from run import jobs

        return jobs.seen

    return look


def test_a_module_alone_means_its_task_which_may_make_nothing(seen, heard: Heard):
    assert commands.run("jobs", ["a", "b=c=d"], Options(), heard) == 0
    assert heard.said == ["[WARNING] DLJob.run: no job found for run.jobs.task"]
    assert seen()["args"] == ("a",)
    kwargs = seen()["kwargs"]
    assert (kwargs["b"], kwargs["noisy"], kwargs["cpu_job"], kwargs["args_list"]) == ("c=d", True, True, [])
    assert not {"gpus", "cpus"} & set(kwargs)


def test_a_method_gets_what_it_has_parameters_for(seen, heard):
    assert commands.run("jobs.one", ["1"], QUIET, heard) == 0
    assert seen() == {"value": "1", "gpus": 1, "noisy": False, "cpus": 1, "args_list": []}


def test_words_and_the_file_say_otherwise(seen, heard):
    Path("dl_jobs.config.yaml").write_text("gpus: 4\n")
    commands.run("jobs.one", ["1", "noisy=x"], QUIET, heard)
    assert (seen()["gpus"], seen()["noisy"]) == (4, "x")
    commands.run("jobs.one", ["1", "2", "me"], QUIET, heard)
    assert (seen()["gpus"], seen()["noisy"]) == ("2", "me")


def test_a_failed_task_shows_in_the_exit_code(seen, heard):
    assert commands.run("jobs.one", ["0"], Options(), heard) == 1
    assert heard.errors[0][1]["ERROR"].startswith("ZeroDivisionError")


def test_jobs_are_here_unless_dev_is_false(seen, heard):
    for options in (Options(dev=False), Options()):
        Path("dl_jobs.config.yaml").write_text("target: local\nis_dev: false\n")
        assert commands.run("jobs.one", ["1"], options, heard) == 0
    Path("dl_jobs.config.yaml").write_text("is_dev: false\n")
    with pytest.raises(LabdError):  # there is no labd at this socket
        commands.run("jobs.one", ["1"], Options(socket="/nonexistent/labd.sock"), heard)
    assert commands.run("jobs.one", ["1"], Options(dev=True), heard) == 0


def test_a_job_that_cannot_begin_leaves_the_others_alone(seen, heard):
    with pytest.raises(UsageError, match="there is no module no"):
        commands.run("jobs.many", ["2"], Options(), heard)
    assert [task for task, _ in heard.results] == [1, 0]
    assert heard.results[-1] == (0, "said")


@pytest.mark.parametrize(
    ("name", "words", "kind", "said"),
    [
        ("jobs.one", [], UsageError, "run.jobs.one: missing a required argument: 'value'"),
        ("jobs.one", ["1", "2", "3", "4", "5"], UsageError, "run.jobs.one: too many positional arguments"),
        ("jobs.one", ["1", "x=2"], UsageError, "unexpected keyword argument 'x'"),
        ("jobs.none", [], UsageError, "module run.jobs has no function none"),
        ("job.one", [], UsageError, "there is no module run.job"),
        ("jobs.fails", [], WorkerError, r"(?s)run.jobs.fails raised ValueError: not today\n.*jobs.py"),
        ("jobs.wrong", [], UsageError, "returned dict and no DLJob"),
        ("jobs.bad", [], UsageError, "gpus cannot be 'x'"),
    ],
)
def test_what_cannot_be_run_is_named(seen, heard, name, words, kind, said):
    with pytest.raises(kind, match=said) as caught:
        commands.run(name, words, Options(), heard)
    assert "method.py" not in caught.value.message


def test_modules_are_also_found_where_the_variable_says(project, heard, tmp_path, monkeypatch):
    import sys

    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(tmp_path)])
    (tmp_path / "other" / "run").mkdir(parents=True)
    (tmp_path / "other" / "run" / "faraway.py").write_text("def task(): pass\n")
    monkeypatch.setenv("PROJECT_DIR", "other")
    assert commands.run("faraway", [], Options(), heard) == 0


def test_test_gives_back_what_its_tasks_got(project, heard):
    assert commands.test(["2", "a", "b", "hello=world"], Options(dev=True), heard) == 0
    for number, (task, found) in enumerate(heard.results):
        assert (task, found["args"]) == (number, [])
        inner = found["kwargs"]
        assert (inner["args"], inner["task_id"]) == ([2, "a", "b"], number)
        assert inner["kwargs"]["hello"] == "world"
        assert inner["options"].keys() == {
            "dev", "noisy", "print_logs", "cpu_job", "cpu_image", "gpu_image",
        }  # fmt: skip
    assert len(heard.results) == 2


def test_test_with_one_job_makes_one_call(project, heard):
    assert commands.test(["1", "a"], QUIET, heard) == 0
    [path] = Path("results").iterdir()
    assert '"args": [1], "kwargs": {"args": [1, "a"], ' in path.read_text()


@pytest.mark.parametrize("words", [[], ["x"], ["0"], ["a=1", "options=2"]])
def test_test_needs_a_number(project, heard, words):
    with pytest.raises(UsageError, match="number of jobs"):
        commands.test(words, Options(), heard)


def test_config_writes_what_it_is_told_over_the_built_in(project):
    found, path = commands.config(["noisy=False", "cpu_image=py27"], False, False)
    assert (path, found.noisy) == ("dl_jobs.config.yaml", False)
    assert "/py2/" in Path(path).read_text()
    again, none = commands.config(["gpus=1"], False, True)
    assert (again.noisy, again.gpus, none) == (False, 1, "")
    with pytest.raises(UsageError, match="'noisy' is no setting"):
        commands.config(["noisy"], False, False)
