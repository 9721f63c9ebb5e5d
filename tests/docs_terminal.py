"""A reader's terminal, and what he types: the blocks of one page of documentation, run as they stand."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from docs import words
from docs.blocks import Block, differs, steps
from labd.errors import LabdError
from labd.wire.blocking import Client
from tests.daemon_process import CLEAN, carrying
from tests.support import wait_until

ROOT = Path(__file__).parents[1]
PATIENCE = 60.0


class Terminal:
    """A folder with a daemon to come, in which the blocks of one page are run."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="labd-docs-", dir="/tmp"))
        self.work = self.folder / "w"
        self.work.mkdir()
        self._programs()
        self.socket = f"{self.folder}/r/labd.sock"
        self.env = {
            name: value for name, value in CLEAN.items() if name not in ("CLICOLOR_FORCE", "NO_COLOR")
        } | {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.work),
            "PYTHONPATH": f"{ROOT}:{self.work}",
            "PYTHONUNBUFFERED": "1",
            "STATE_DIRECTORY": f"{self.folder}/s",
            "RUNTIME_DIRECTORY": f"{self.folder}/r",
            "CONFIGURATION_DIRECTORY": f"{self.folder}/c",
            "LABD_RESOURCES__CORES": "4",
            "LABD_RESOURCES__GPUS": "[0, 1]",
            "LABD_RESOURCES__GPU_MEMORY": "24G",
            "LABD_RESOURCES__GPU_PROBE": "/bin/true",  # not those of the machine that the test runs on
            "LABD_SOCKET": self.socket,
        }
        self.daemon: subprocess.Popen[bytes] | None = None

    def _programs(self) -> None:
        """The commands by the names that a reader types."""
        (self.folder / "bin").mkdir()
        for name, module in (("labd", "-m labd"), ("labctl", "-m labd.cli.labctl"), ("python", "")):
            program = self.folder / "bin" / name
            program.write_text(f'#!/bin/sh\nexec {sys.executable} {module} "$@"\n')
            program.chmod(0o755)

    def play(self, block: Block) -> None:
        """Do what the info string of *block* says."""
        if file := block.value("file"):
            (self.work / file).write_text(block.text)
        if "install" in block.words:
            self.install(tomllib.loads(block.text))
        if "background" in block.words:
            [step] = steps(block)
            self.background(step.command)
        elif block.language == "python" and "run" in block.words:
            (self.work / "block.py").write_text(block.text)
            self.check("python block.py", 0, "...")
        elif "run" in block.words:
            for step in steps(block):
                self.check(*step)

    def install(self, project: dict[str, Any]) -> None:
        """What ``pip install -e .`` does to a project: its modules and entry points are found."""
        about = project["project"]
        info = self.work / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
        info.mkdir()
        head = {"Metadata-Version": "2.1", "Name": about["name"], "Version": about["version"]}
        (info / "METADATA").write_text("".join(f"{key}: {value}\n" for key, value in head.items()))
        with (info / "entry_points.txt").open("w") as file:
            for group, names in about["entry-points"].items():
                print(
                    f"[{group}]", *(f"{name} = {value}" for name, value in names.items()), sep="\n", file=file
                )

    def background(self, command: str) -> None:
        if self.daemon is not None:
            self.daemon.wait(PATIENCE)
        with (self.folder / "log").open("ab") as log:
            shell = ["/bin/sh", "-c", f"exec {command}"]
            self.daemon = subprocess.Popen(shell, env=self.env, cwd=self.work, stdout=log, stderr=log)
        wait_until(self.answers, PATIENCE)

    def answers(self) -> bool:
        assert self.daemon is not None
        assert self.daemon.poll() is None, (self.folder / "log").read_text()
        try:
            Client(self.socket, PATIENCE).close()
        except LabdError:
            return False
        return True

    def check(self, command: str, exit_code: int, output: str) -> None:
        """Run *command*; it leaves with *exit_code* and prints *output*."""
        done = subprocess.run(
            command, shell=True, check=False, env=self.env, cwd=self.work, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert done.returncode == exit_code, f"{command}\n{done.stdout}"
        assert not differs(output, done.stdout), f"{command}\n{done.stdout}\nthe page says\n{output}"

    def close(self) -> None:
        wait_until(self._nothing_left, PATIENCE)
        if self.daemon is not None:
            self.daemon.wait(PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _nothing_left(self) -> bool:
        left = carrying(str(self.folder))
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it was about to end
        return not left


def check_events(terminal: Terminal) -> None:
    """What the page made happen has the data that the reference says."""
    with Client(terminal.socket, PATIENCE) as client:
        for event in client.call("event.list", {"since": 0, "limit": 5000})["events"]:
            if event["kind"] in words.EVENTS:  # a plugin's are its own affair
                assert set(event["data"]) <= set(words.EVENTS[event["kind"]][1].split()), event


ONLY_DRY = {"job.submit": {"spec"}}

ASKED: dict[str, dict[str, Any]] = {
    "daemon.doctor": {}, "daemon.reload": {}, "daemon.status": {}, "event.list": {}, "methods": {},
    "job.find": {"jobs": [1]},
    "job.list": {}, "job.log": {"job": 1}, "job.reports": {"job": 1}, "job.show": {"job": 1},
    "job.wait": {"jobs": [1]}, "job.why": {"job": 1}, "job.submit": {"spec": {"argv": ["true"]}},
    "job.metrics": {"job": 1}, "notify.list": {}, "plugin.list": {},
    "job.usage": {}, "store.gc": {"dry_run": True},
}  # fmt: skip


def check_answers(terminal: Terminal) -> None:
    """Answers have the keys that the reference says, jobs and attempts too."""
    with Client(terminal.socket, PATIENCE) as client:
        client.call("job.submit", {"spec": {"argv": ["true"]}})
        task = 2 if client.call("job.show", {"job": 1})["job"]["tasks"] else 1  # where job 1 is an array
        for method, params in ASKED.items():
            found = client.call(method, params | ({"job": task} if "job" in params else {}))
            assert set(found) == set(words.ANSWERS[method]) - ONLY_DRY.get(method, set()), method
        shown = client.call("job.show", {"job": task})
    assert set(shown["job"]) == set(words.JOB_VIEW)
    assert {key for attempt in shown["attempts"] for key in attempt} == set(words.ATTEMPT)
