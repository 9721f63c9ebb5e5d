"""A real ``systemd --user`` for tests, also where systemd is not process 1.

It runs in a mount namespace of its own, in which ``/run`` is an empty tmpfs that says "booted with
systemd", and in control groups made for it. Needs root. Everything in those groups is killed at the end.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import wait_until

SYSTEMD = Path("/lib/systemd/systemd")
CGROUP = Path("/sys/fs/cgroup")
TARGETS = ("default", "basic", "shutdown")

START = """
set -e
for group in $OWN_GROUPS; do echo $$ > $group/cgroup.procs; done
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
exec /lib/systemd/systemd --user --log-target=console --log-level=warning
"""


class CannotStart(Exception):
    """Here is no user manager to be had, for the reason given."""


class UserManager:
    """A running manager. ``folder`` is short and for the test's files."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.process = process

    def write_unit(self, name: str, text: str) -> None:
        """Install the unit *name* (``it.service``)."""
        Path(self.folder, "units", name).write_text(text)
        self.systemctl("daemon-reload")

    def systemctl(self, *arguments: str) -> str:
        """What ``systemctl --user`` prints; AssertionError with its complaint and the manager's log."""
        done = self._systemctl(*arguments)
        assert done.returncode == 0, f"systemctl {arguments}: {done.stderr}\n{self.log()}"
        return done.stdout

    def show(self, unit: str, name: str) -> str:
        """One property of *unit*."""
        return self.systemctl("show", "--property", name, "--value", unit).strip()

    def wait(self, unit: str, name: str, value: str) -> None:
        """Wait until a property has *value*."""
        try:
            wait_until(lambda: self.show(unit, name) == value, 90, every=0.1)
        except AssertionError:
            status = self._systemctl("status", "--lines=0", unit).stdout
            raise AssertionError(
                f"{name} of {unit} is {self.show(unit, name)}, not {value}\n{status}"
            ) from None

    def main_pid(self, unit: str) -> int:
        """The main process of *unit*; 0 when there is none."""
        return int(self.show(unit, "MainPID"))

    def log(self) -> str:
        """The end of what was said on standard error, by the manager or before it."""
        return Path(self.folder, "log").read_text(errors="replace")[-4000:]

    def running(self) -> bool:
        """Whether it takes orders. Raises CannotStart when it has ended."""
        if self.process.poll() is not None:
            raise CannotStart(f"systemd --user ended with {self.process.returncode}: {self.log()[-300:]}")
        state = self._systemctl("show", "--property", "SystemState", "--value").stdout.strip()
        return state in ("running", "degraded")

    def _systemctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["systemctl", "--user", *arguments]
        return subprocess.run(
            command, env=environment(self.folder), capture_output=True, text=True, timeout=180, check=False
        )


@contextmanager
def user_manager() -> Iterator[UserManager]:
    """A manager that runs for the length of the ``with``. Raises CannotStart."""
    _check_programs()
    folder = Path(tempfile.mkdtemp(prefix="labd-sd-", dir="/tmp"))  # a socket's path has 107 bytes at most
    groups = [hierarchy / folder.name for hierarchy in _hierarchies()]
    try:
        _make(folder, groups)
        with _started(folder, groups) as manager:
            yield manager
    finally:
        wait_until(lambda: _emptied(groups), 60)
        shutil.rmtree(folder, ignore_errors=True)


def environment(folder: Path) -> dict[str, str]:
    """What the manager, and whoever talks to it, needs."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": f"{folder}/home",
        "XDG_RUNTIME_DIR": f"{folder}/run",
        "SYSTEMD_UNIT_PATH": f"{folder}/units",
        "LC_ALL": "C.UTF-8",
    }


def alive(pid: int) -> bool:
    """True unless *pid* has ended; a zombie has, though nobody may have asked for it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def _check_programs() -> None:
    if os.getuid() != 0:
        raise CannotStart("a user manager in a namespace of its own needs root")
    for program in ("systemctl", "unshare", str(SYSTEMD)):
        if not shutil.which(program):
            raise CannotStart(f"{program} is not installed (Debian: systemd, util-linux)")
    if not _hierarchies():
        raise CannotStart("there is no control group hierarchy that systemd could use")


def _hierarchies() -> list[Path]:
    """Where systemd keeps its groups: one unified tree, or two in the hybrid layout."""
    if (CGROUP / "cgroup.controllers").exists():
        return [CGROUP]
    return [tree for tree in (CGROUP / "systemd", CGROUP / "unified") if (tree / "cgroup.procs").exists()]


def _make(folder: Path, groups: list[Path]) -> None:
    for name in ("home", "run", "units"):
        (folder / name).mkdir(mode=0o700)
    for target in TARGETS:
        (folder / "units" / f"{target}.target").write_text("[Unit]\nDescription=nothing\n")
    (folder / "log").touch()
    try:
        for group in groups:
            group.mkdir()
    except OSError as error:
        raise CannotStart(f"cannot make control groups: {error}") from None


@contextmanager
def _started(folder: Path, groups: list[Path]) -> Iterator[UserManager]:
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", START]
    env = environment(folder) | {"OWN_GROUPS": " ".join(map(str, groups))}
    with open(folder / "log", "ab") as log:
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    manager = UserManager(folder, process)
    try:
        wait_until(manager.running, 60, every=0.05)
        yield manager
    finally:
        process.kill()
        process.wait(60)


def _emptied(groups: list[Path]) -> bool:
    """Kill what is in *groups* and remove them; whether nothing is left."""
    for file in [file for group in groups for file in group.rglob("cgroup.procs")]:
        for pid in map(int, file.read_text().split()):
            _kill(pid)
    folders = [path for group in groups for path in [group, *group.rglob("*")] if path.is_dir()]
    for folder in sorted(folders, key=lambda path: -len(path.parts)):
        try:
            folder.rmdir()
        except OSError:  # a process in it is about to end
            return False
    return True


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:  # it has just ended
        pass
