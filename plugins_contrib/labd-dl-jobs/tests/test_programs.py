"""Programs and commands in the forms that dl_jobs had."""

import json
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import dl_jobs.decorators as d
import dl_jobs.helpers as h
import pytest
from dl_jobs import cli, job, nd_json, utils
from shell import Typed, python

ROOT = Path(__file__).parents[1]

PLAIN = """
from dl_jobs.job import DLJob
def gpu(value):
    return DLJob(module_name='task_examples.gpu', method_name='gpu_tf_ex', args=[value], platform_job=True,
        cpu_job=False, modules=['task_examples'], gpus=1)
"""
FLEXIBLE = """
from dl_jobs.job import DLJob
import dl_jobs.helpers as h
def gpu(value, method_name, **kwargs):
    return DLJob(module_name='task_examples.gpu', method_name=method_name, args=[value],
        platform_job=h.truthy(kwargs.get('platform', True)), cpu_job=False, modules=['task_examples'],
        gpus=int(kwargs.get('gpus', 1)))
"""
SCRIPT = """
from dl_jobs.job import DLJob
job = DLJob(module_name='task_examples.gpu', method_name='gpu_tf_ex', {arguments}, platform_job={platform},
    cpu_job=False, modules=['task_examples'], gpus=1)
job.run()
"""


def saved(project: Path, folder: str = "results") -> list[object]:
    return [value for path in sorted((project / folder).iterdir()) for value in nd_json.read(path)]


def test_a_method_with_no_keywords_runs(project: Path, typed: Typed) -> None:
    (project / "run" / "task_examples.py").write_text(PLAIN)
    done = typed("dl_jobs run task_examples.gpu 3")
    assert (done.returncode, done.stderr) == (0, "")
    assert saved(project) == [{"value": "3"}]
    assert '- {"value": "3"}' in done.stdout
    assert [path.suffix for path in (project / "logs").iterdir()] == [".log"]


@pytest.mark.parametrize("more", ["platform_job=false", "--dev true", "gpus=2 --noisy no"])
def test_a_method_with_keywords_and_options_runs(project: Path, typed: Typed, more: str) -> None:
    (project / "run" / "task_examples.py").write_text(FLEXIBLE)
    assert typed(f"dl_jobs run task_examples.gpu 3 gpu_tf_ex {more}").returncode == 0
    assert saved(project) == [{"value": "3"}]


@pytest.mark.parametrize("platform", [True, False])
@pytest.mark.parametrize(
    ("arguments", "values"),
    [("args=[3]", [3]), ("args_list=[range(10)]", range(10)), ("args_list=2", [0, 1])],
)
def test_a_script_runs_one_task_or_many(
    project: Path, platform: bool, arguments: str, values: list[int]
) -> None:
    (project / "script.py").write_text(SCRIPT.format(arguments=arguments, platform=platform))
    done = python(project, "script.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert saved(project) == [{"value": value} for value in values]


def test_without_labd_a_job_for_it_says_so(project: Path) -> None:
    (project / "dl_jobs.config.yaml").unlink()
    (project / "script.py").write_text(SCRIPT.format(arguments="args=[3]", platform=True))
    done = python(project, "script.py")
    assert done.returncode == 1
    assert "labd" in done.stderr.splitlines()[-1]


def test_the_test_command_gives_back_what_it_got(project: Path, typed: Typed) -> None:
    done = typed("dl_jobs test 2 a b c hello=world --dev True")
    assert (done.returncode, done.stderr) == (0, "")
    for number, value in enumerate(saved(project)):
        assert value["kwargs"]["args"] == [2, "a", "b", "c"]
        assert value["kwargs"]["kwargs"]["hello"] == "world"
        assert (value["kwargs"]["options"]["dev"], value["kwargs"]["task_id"]) == (True, number)


def test_the_config_command_writes_defaults_once(project: Path, typed: Typed) -> None:
    (project / "dl_jobs.config.yaml").unlink()
    assert typed("dl_jobs config noisy=False cpu_image=py27").returncode == 0
    text = (project / "dl_jobs.config.yaml").read_text()
    assert text.startswith("# dl_jobs: config\n")
    assert "noisy: false" in text
    again = typed("dl_jobs config")
    assert (again.returncode, "already" in again.stderr) == (6, True)
    assert typed("dl_jobs config --force true").returncode == 0
    assert "noisy: true" in typed("dl_jobs config -i").stdout


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("dl_jobs", 2, ""),
        ("dl_jobs --help", 0, ""),
        ("dl_jobs run --help", 0, ""),
        ("dl_jobs rum x", 2, "did you mean `run`?"),
        ("dl_jobs run", 2, "METHOD is missing"),
        ("dl_jobs run a.b --nosy 1", 2, "there is no option --nosy"),
        ("dl_jobs run a.b --dev", 2, "expected one argument"),
        ("dl_jobs run a.b", 2, "there is no module run.a"),
        ("dl_jobs config dl_image=py36", 2, "there is no setting dl_image"),
        ("dl_jobs test", 2, "test needs a number of jobs"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(typed: Typed, line: str, code: int, said: str) -> None:
    done = typed(line)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_run_is_also_for_programs(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: object) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr("sys.path", [str(project)])
    (project / "run" / "mine.py").write_text(PLAIN)
    assert job.run("mine", "gpu", [1], {}, noisy=False) == 0
    assert saved(project) == [{"value": 1}]


def test_the_modules_have_their_old_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    @d.as_json
    @d.attempt
    @d.expand_args
    def work(one: int, two: int = 2) -> dict[str, int]:
        return {"sum": one + two}

    assert json.loads(work([1], {"two": 3})) == {"sum": 4}
    assert h.update_list({"a": 1}, [{"b": 2}]) == [{"a": 1, "b": 2}]
    assert (h.truthy("Null"), h.is_str("x"), h.bool_str("yes"), h.copy_update({}, "a", 1)) == (
        False, True, True, {"a": 1},
    )  # fmt: skip
    utils.save_pickle({1, 2}, tmp_path / "p")
    assert utils.read_pickle(tmp_path / "p") == {1, 2}
    utils.line("=", 3)
    utils.vspace()
    assert capsys.readouterr().out == "===\n\n\n"
    timer = utils.Timer()
    assert timer.start() == timer.start()
    assert timer.end() is None
    assert timer.stop() >= timer.start()
    assert timer.duration().startswith("0:00:0")


def test_the_entry_point_can_be_loaded() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    point = EntryPoint("dl_jobs", project["scripts"]["dl_jobs"], "console_scripts")
    assert point.load() is cli.main
