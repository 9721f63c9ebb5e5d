"""labctl run: jobs of a project, results on stdout, talk on stderr."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Labctl

RUN = """
from labd.dljob.job import DLJob
def squares(n): return DLJob("sums", "square", args_list=int(n))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "jobs.py").write_text(RUN)
    (tmp_path / "sums.py").write_text("def square(x):\n    print('task', x)\n    return 6 // x\n")
    yield tmp_path
    for name in ("run", "run.jobs", "sums"):
        sys.modules.pop(name, None)


def test_results_are_data_and_everything_else_is_talk(project: Path, run: Labctl) -> None:
    code, out, err = run("run", "jobs.squares", "3", "--noisy", "no")
    assert (code, out) == (1, "6\n3\n")
    assert "task 2\n" in err
    assert "Traceback" not in out


def test_as_json_each_line_says_its_task_and_the_last_one_the_files(project: Path, run: Labctl) -> None:
    ran = run("run", "--json", "jobs.squares", "2")
    error, result, summary = map(json.loads, ran.out.splitlines())
    assert error["error"]["ERROR"].startswith("ZeroDivisionError")
    assert result == {"version": 1, "task": 1, "result": 6}
    assert (summary["tasks"], summary["failed"]) == (2, 1)
    assert Path(summary["results"]).read_text() == "6\n"
    assert Path(summary["errors"]).exists()
    assert Path(summary["log"]).exists()


def test_options_stand_anywhere_and_words_after_two_dashes_are_words(project: Path, run: Labctl) -> None:
    (project / "run" / "jobs.py").write_text(
        "def show(*args, **kwargs): raise ValueError(f'{args} {kwargs}')\n"
    )
    ran = run("run", "--dev", "true", "jobs.show", "1", "--noisy", "f", "-5", "a=b", "--", "--x", "c=d")
    assert ran.code == 1
    assert "('1', '-5', '--x')" in ran.err
    assert "'a': 'b', 'c': 'd'" in ran.err


def test_an_unknown_option_is_named(project: Path, run: Labctl) -> None:
    ran = run("run", "jobs.squares", "2", "--nosy", "true")
    assert (ran.code, ran.out) == (2, "")
    assert "there is no option --nosy" in ran.err
    assert "did you mean `--noisy`?" in ran.err
    assert "all after --" in run("run", "jobs.squares", "2", "--zzzz=1").err


def test_what_is_wrong_is_a_message_and_no_traceback_of_labd(project: Path, run: Labctl) -> None:
    ran = run("run", "jobs.square", "2")
    assert (ran.code, ran.err.splitlines()[0]) == (
        2, "labctl: wrong argument: module run.jobs has no function square",
    )  # fmt: skip


def test_config_and_test_are_commands(project: Path, run: Labctl) -> None:
    assert run("run", "config", "noisy=false").err == "Wrote dl_jobs.config.yaml.\n"
    assert run("run", "config").code == 6
    assert run("run", "config", "gpus=1", "--force", "true").code == 0
    assert "gpus: 1\n" in run("run", "config", "-i").out
    assert json.loads(run("run", "config", "-i", "--json").out)["config"]["gpus"] == 1
    ran = run("run", "test", "2", "a", "hello=world", "--noisy", "none")
    assert [json.loads(line)["kwargs"]["task_id"] for line in ran.out.splitlines()] == [0, 1]


def test_it_does_not_go_to_another_machine(project: Path, run: Labctl) -> None:
    ran = run("-H", "far", "run", "jobs.squares", "2")
    assert (ran.code, "here, not there" in ran.err) == (2, True)
