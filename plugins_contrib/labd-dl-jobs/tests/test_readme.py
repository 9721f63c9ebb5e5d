"""Every program and command of the README of dl_jobs, as it is printed there.

The README is not part of this package: ``DL_JOBS_README`` says where one is.
"""

import contextlib
import io
import os
import re
from pathlib import Path
from pprint import pprint

import pytest
from dl_jobs import nd_json
from shell import Typed, python

README = os.environ.get("DL_JOBS_README", "")
pytestmark = pytest.mark.skipif(
    not README, reason="DL_JOBS_README does not say where the README of dl_jobs is"
)

FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def blocks() -> list[str]:
    return FENCE.findall(Path(README).read_text())


def having(blocks: list[str], *parts: str) -> str:
    """The only block with all *parts*."""
    [found] = [block for block in blocks if all(part in block for part in parts)]
    return found


def commands(blocks: list[str]) -> list[str]:
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ dl_jobs")]


def saved(project: Path) -> list[object]:
    return [value for path in (project / "results").iterdir() for value in nd_json.read(path)]


def test_the_job(project: Path, blocks: list[str]) -> None:
    program = having(blocks, "job=DLJob(", "job.run()")
    (project / "p.py").write_text(f"from dl_jobs.job import DLJob\n{program}")
    done = python(project, "p.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert saved(project) == [{"value": 3}]


def test_the_job_with_a_list(project: Path, blocks: list[str]) -> None:
    program = having(blocks, "job=DLJob(", "job.run()").replace("args=[3]", "args_list=[range(10)]")
    (project / "p.py").write_text(f"from dl_jobs.job import DLJob\n{program}")
    assert python(project, "p.py").returncode == 0
    assert saved(project) == [{"value": value} for value in range(10)]


def test_the_first_method_and_its_command(project: Path, typed: Typed, blocks: list[str]) -> None:
    (project / "run" / "task_examples.py").write_text(having(blocks, "# run.task_examples\n"))
    done = typed(commands(blocks)[0])
    assert (done.returncode, done.stderr) == (0, "")
    assert saved(project) == [{"value": "3"}]


def test_the_second_method_and_its_commands(project: Path, typed: Typed, blocks: list[str]) -> None:
    program = having(blocks, "# run.task_examples-2\n")
    with pytest.raises(SyntaxError):
        compile(program, "README", "exec")
    whole = program.replace(
        "kwargs.get('platform',True)\n", "kwargs.get('platform',True))\n"
    )  # it lacks this
    (project / "run" / "task_examples.py").write_text(whole)
    for command in commands(blocks)[1:3]:
        assert typed(command).returncode == 0
    assert saved(project) == [{"value": "3"}] * 2


def test_the_other_commands(project: Path, typed: Typed, blocks: list[str]) -> None:
    [command] = commands(blocks)[3:]
    assert command.startswith("dl_jobs test")
    assert typed(command).returncode == 0
    assert len(saved(project)) == 2


@pytest.mark.parametrize("name", ["run", "config"])
def test_the_options_of_each_command(typed: Typed, blocks: list[str], name: str) -> None:
    shown = typed(f"dl_jobs {name} --help").stdout
    options = re.findall(
        r"^  (--\w+) BOOLEAN|^  (--\w+) TEXT", having(blocks, f"Usage: dl_jobs {name}"), re.M
    )
    assert options
    assert not [option for pair in options for option in pair if option not in shown]


def test_the_default_config(project: Path, typed: Typed, blocks: list[str]) -> None:
    text = having(blocks, "default_method: 'task'")
    (project / "dl_jobs.config.yaml").write_text(text)
    shown = typed("dl_jobs config --info").stdout
    for key, value in re.findall(r"^(\w+): (\S+)$", text, re.M):
        if key != "suppress":
            assert f"{key}: {value.strip(chr(39)).replace('True', 'true')}\n" in shown


def test_the_decorators(blocks: list[str]) -> None:
    program = having(blocks, "@as_json").replace("... doing stuff ...", "...")
    names: dict[str, object] = {}
    exec(f"from dl_jobs.decorators import *\n{program}", names)
    assert '"success": true' in names["do_work"]([1, 2])


def test_the_helpers_print_what_is_said(blocks: list[str]) -> None:
    program = having(blocks, "import dl_jobs.helpers as h", "pprint")
    said = program.split('"""output\n')[1].removesuffix('\n"""\n')
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(program, {"pprint": pprint})
    assert out.getvalue().split() == said.split()


def test_the_timer(blocks: list[str]) -> None:
    session = having(blocks, ">>> t=Timer()")
    names: dict[str, object] = {}
    for statement, expected in re.findall(r"^>>> (.*)\n((?:[^>].*\n)*)", session, re.M):
        form = re.sub(r"\\?\d+", r"\\d+", re.escape(expected.strip()))
        if "import" in statement or "=" in statement:
            exec(statement, names)
        else:
            value = eval(statement, names)
            assert re.fullmatch(form.replace("May", r"\w+"), "" if value is None else repr(value))
