"""``labctl -H``: a real sshd, a real ssh, a real daemon."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon_process import CLEAN, PATIENCE, DaemonProcess
from tests.real.sshd import SSHD, Sshd
from tests.support import wait_until

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not shutil.which("ssh"), reason="openssh-client is not here"),
    pytest.mark.skipif(not Path(SSHD).exists(), reason="openssh-server is not here"),
]

HERE = "127.0.0.1"
Ran = subprocess.CompletedProcess[str]
Labctl = Callable[..., Ran]


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    found = Sshd(tmp_path)
    yield found.start()
    found.stop()


@pytest.fixture
def env(sshd: Sshd, daemon: DaemonProcess, tmp_path: Path) -> dict[str, str]:
    """The environment of a person on another machine."""
    return CLEAN | {
        "LABD_SOCKET": "/nowhere", "LABD_HOST": HERE, "LABD_SSH": sshd.ssh(),
        "LABD_REMOTE_LABCTL": sshd.labctl(daemon.socket), "ONLY_HERE": "yes",
    }  # fmt: skip


@pytest.fixture
def labctl(env: dict[str, str]) -> Labctl:
    def run(*words: str, input: str | None = None, **changes: str) -> Ran:
        return subprocess.run(
            command(*words), env=env | changes, input=input, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip

    return run


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "labd.cli.labctl", *words]


def test_commands_work_as_on_this_machine(labctl: Labctl, daemon: DaemonProcess) -> None:
    job = daemon.shell("echo hello; exit 3", name="greet")
    assert labctl("wait", "greet").returncode == 3
    assert labctl("logs", "greet").stdout == "hello\n"
    assert json.loads(labctl("status", "--json").stdout)["jobs"][0]["id"] == job
    assert "job.submitted" in labctl("events").stdout
    assert labctl("show", "nobody").returncode == 4


def test_the_option_stands_before_or_after_the_command(labctl: Labctl, daemon: DaemonProcess) -> None:
    for words in (
        ["-H", HERE, "status", "-q"],
        ["status", "-q", "-H", HERE],
        [f"--host={HERE}", "status", "-q"],
    ):
        done = labctl(*words, LABD_HOST="no-such-host.invalid")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_socket_is_one_there(labctl: Labctl, sshd: Sshd, daemon: DaemonProcess) -> None:
    elsewhere = sshd.labctl("/nowhere/there")
    assert labctl("status", LABD_REMOTE_LABCTL=elsewhere).returncode == 3
    assert labctl("--socket", daemon.socket, "status", LABD_REMOTE_LABCTL=elsewhere).returncode == 0


def test_a_job_gets_folder_and_environment_of_a_login_there(labctl: Labctl, tmp_path: Path) -> None:
    told = 'echo $PWD; pwd; echo "${ONLY_HERE-none} $MORE"; command -v sh'
    done = labctl("submit", "--follow", "--env", "MORE=more", "--", "sh", "-c", told)
    home = os.path.expanduser("~")
    shown = done.stdout.splitlines()
    assert shown[:3] == [home, os.path.realpath(home), "none more"], done.stderr
    assert shown[3].endswith("/sh")
    assert labctl("submit", "--follow", "--cwd", str(tmp_path), "pwd").stdout == f"{tmp_path}\n"
    named = labctl("submit", "--follow", "--env", "ONLY_HERE", "--cwd", "/", "printenv", "ONLY_HERE", "PWD")
    assert named.stdout == "yes\n/\n"


def test_a_script_is_shipped_from_here(labctl: Labctl) -> None:
    done = labctl(
        "submit", "--script", "-", "--follow", input="#!/bin/sh\n#LABD --name shipped\necho $LABD_JOB_ID\n"
    )
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert "(shipped)" in done.stderr


def test_it_outlives_a_restart_of_the_daemon_there(env: dict[str, str], daemon: DaemonProcess) -> None:
    job = daemon.shell(f"while [ ! -e {daemon.folder}/go ]; do sleep 0.05; done; echo late")
    process = subprocess.Popen(
        command("logs", "-f", str(job)), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: _serves(daemon))
    daemon.restart()
    Path(daemon.folder, "go").touch()
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (0, "late\n")
    assert "labd is back" in err


def _serves(daemon: DaemonProcess) -> bool:
    return bool(daemon.call("daemon.status")["connections"]["now"] > 1)


def test_ctrl_c_ends_labctl_and_ssh_and_not_the_job(env: dict[str, str], daemon: DaemonProcess) -> None:
    job = daemon.shell("sleep 100")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background ignores it
    process = subprocess.Popen(
        command("wait", str(job)), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    signal.signal(signal.SIGINT, before)
    wait_until(lambda: _serves(daemon))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert err.endswith(f"labctl: stopped watching; job {job} goes on\n")
    wait_until(lambda: not _serves(daemon))
    assert daemon.job(job)["state"] in ("starting", "running")


def test_a_map_is_made_there_and_its_files_come_from_here(
    labctl: Labctl, daemon: DaemonProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rates").write_text("3\n")
    (tmp_path / "work.py").write_text(
        "import labd.worker\n"
        "def main(x):\n"
        "    print('call', x)\n"
        "    return x * int(open(labd.worker.data('rates')).read())\n"
    )
    made = labctl("map", "work.py", "--range", "1-3", "--data", "rates", "--name", "there")
    assert made.returncode == 0, made.stderr
    found = {(one := json.loads(line))["index"]: one["result"] for line in made.stdout.splitlines()}
    assert found == {0: 3, 1: 6, 2: 9}
    assert sorted(labctl("map", "values", "there").stdout.split()) == ["3", "6", "9"]
    assert "call 2" in labctl("map", "logs", "last").stdout
    assert daemon.call("map.show", {"map": "there"})["map"]["state"] == "succeeded"
    broken = labctl("map", "work.py", "--range", "1-3", "--data", "nowhere")
    assert (broken.returncode, "there is no file 'nowhere'" in broken.stderr) == (2, True)


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "no such host": ({"LABD_HOST": "no-such-host.invalid"}, "ssh knows no such host", "~/.ssh/config"),
    "no program": ({"LABD_REMOTE_LABCTL": "no-labctl"}, "there is no labctl there", "--remote-labctl PATH"),
    "no right": ({"LABD_REMOTE_LABCTL": "/dev/null"}, "labctl cannot be run there", "--remote-labctl PATH"),
    "no ssh": ({"LABD_SSH": "no-ssh"}, "no-ssh cannot be run: No such file", "apt install openssh-client"),
    "noise": ({"LABD_REMOTE_LABCTL": "echo welcome;"}, "127.0.0.1: ", "must print nothing"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_went_wrong_is_said_with_the_next_step(labctl: Labctl, name: str) -> None:
    changes, said, step = WRONG[name]
    done = labctl("status", **changes)
    assert done.returncode in (1, 3)
    assert said in done.stderr
    assert step in done.stderr.partition("hint: ")[2]
    assert "Traceback" not in done.stderr


def test_a_login_that_is_refused(labctl: Labctl, sshd: Sshd) -> None:
    refused = labctl("status", LABD_SSH=sshd.ssh("stranger"))
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "127.0.0.1: the login was refused" in refused.stderr
    assert "hint: make `ssh 127.0.0.1` work first" in refused.stderr
    strange = labctl("status", LABD_SSH=sshd.ssh(known=False))
    assert "the key of the host is not known" in strange.stderr
    submitted = labctl("submit", "true", LABD_SSH=sshd.ssh("stranger"))
    assert (submitted.returncode, submitted.stderr) == (3, refused.stderr)


def test_nobody_listens_at_the_port(labctl: Labctl, sshd: Sshd) -> None:
    sshd.stop()
    done = labctl("status")
    assert done.returncode == 3
    assert "no ssh answers there" in done.stderr


def test_no_daemon_there(labctl: Labctl, daemon: DaemonProcess) -> None:
    daemon.kill(signal.SIGTERM)
    done = labctl("status")
    assert done.returncode == 3
    assert f"127.0.0.1: no labd answers at {daemon.socket}" in done.stderr
    assert "hint: start it there" in done.stderr
