"""A project folder, and the commands as a person types them there."""

import shlex
import subprocess
from pathlib import Path

import pytest
from shell import MAIN, Typed, python


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the target of the examples, whose jobs for labd run here."""
    (tmp_path / "run").mkdir()
    (tmp_path / "task_examples").mkdir()
    (tmp_path / "task_examples" / "gpu.py").write_text(
        "def gpu_tf_ex(value):\n    print('task', value)\n    return {'value': value}\n"
    )
    (tmp_path / "dl_jobs.config.yaml").write_text("target: local\n")
    return tmp_path


@pytest.fixture
def typed(project: Path) -> Typed:
    """Run a line that begins with ``dl_jobs``, as a shell would."""

    def run(line: str) -> "subprocess.CompletedProcess[str]":
        program, *words = shlex.split(line)
        assert program == "dl_jobs"
        return python(project, "-c", MAIN, *words)

    return run
