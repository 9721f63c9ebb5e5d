"""A task in a folder runs once, wherever and however often it is started."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from labd.api.engines import command, standing, void
from tests.support import wait_until

pytestmark = pytest.mark.real


def make(folder, *argv, **more):
    task = {"argv": argv, "cwd": str(folder), "env": {"PATH": os.defpath}, **more}
    (folder / "task.json").write_text(json.dumps(task))
    return command(str(folder))


def exit_of(folder):
    return json.loads((folder / "exit").read_text())


def run(command):
    return subprocess.run(command, timeout=60, check=False).returncode


def test_a_task_has_input_output_and_an_exit_record(tmp_path):
    made = make(
        tmp_path, "/bin/sh", "-c", "cat {folder}/input > {folder}/output; echo said; exit 3", input="in"
    )
    assert run(made) == 0
    assert exit_of(tmp_path)["exit_code"] == 3
    assert (tmp_path / "output").read_text() == "in"
    assert (tmp_path / "out.log").read_text() == "said\n"
    assert (standing(str(tmp_path)), run(made)) == ("ended", 0)
    assert (tmp_path / "out.log").read_text() == "said\n"


def test_it_is_begun_once_and_outlives_who_started_it(tmp_path):
    made = make(tmp_path, "/bin/sh", "-c", "echo once; while [ ! -e go ]; do sleep 0.01; done")
    first = subprocess.Popen(made)
    wait_until((tmp_path / "started").exists)
    assert run(made) == 75
    first.kill()
    first.wait()
    assert standing(str(tmp_path)) == "running"
    (tmp_path / "go").touch()
    wait_until(lambda: standing(str(tmp_path)) == "ended")
    assert (tmp_path / "out.log").read_text() == "once\n"


def test_limits_and_cancels_are_those_of_jobs(tmp_path):
    for name, more in (("late", {"time_limit": 0.05}), ("cancelled", {})):
        folder = tmp_path / name
        folder.mkdir()
        process = subprocess.Popen(make(folder, "/bin/sleep", "60", **more))
        wait_until((folder / "started").exists)
        time.sleep(0.1)  # the shim's own start of the program
        if not more:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert exit_of(folder)["reason"] == ("timed_out" if more else "cancelled")


def test_what_is_lost_or_void_is_not_begun(tmp_path):
    (tmp_path / "lost").mkdir()
    (tmp_path / "void").mkdir()
    (tmp_path / "lost" / "started").write_text("{}")
    assert void(str(tmp_path / "void")) == "never"
    assert run(make(tmp_path / "lost", "/bin/true")) == 70
    assert run(make(tmp_path / "void", "/bin/true")) == 69


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_becomes_the_user_of_the_task_where_that_can_enter():
    script = "id -un > {folder}/output; touch {folder}/mine || echo refused"
    with TemporaryDirectory(dir="/tmp") as made:  # pytest's own folders are closed
        for name, mode in (("open", 0o711), ("closed", 0o700)):
            folder = Path(made, name, "task")
            folder.mkdir(parents=True)
            Path(made).chmod(0o711)
            folder.parent.chmod(mode)
            assert run(make(folder, "/bin/sh", "-c", script, user="nobody", cwd="/")) == 0
        assert Path(made, "open", "task", "output").read_text() == "nobody\n"
        assert "refused" in Path(made, "open", "task", "out.log").read_text()
        assert "closed to others" in exit_of(Path(made, "closed", "task"))["message"]


def test_what_cannot_begin_says_so(tmp_path):
    assert run(make(tmp_path, "/bin/true", user="nobody-of-this-name")) == 0
    assert exit_of(tmp_path)["reason"] == "exec_failed"
