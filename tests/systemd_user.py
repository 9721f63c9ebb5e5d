"""A real ``systemd --user`` for tests, also where systemd is not process 1.

It runs in a mount namespace of its own, in which ``/run`` is an empty tmpfs that says "booted with
systemd", and in control groups made for it. Needs root. Everything it started is killed at the end.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import wait_until

SYSTEMD = Path("/lib/systemd/systemd")
CGROUP = Path("/sys/fs/cgroup")

START = """
set -e
for group in $GROUPS_OF_TEST; do echo $$ > $group/cgroup.procs; done
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
exec /lib/systemd/systemd --user --log-target=console --unit=default.target
"""


def why_not() -> str:
    """What is missing here, or an empty string."""
    if os.getuid() != 0:
        return "a user manager of its own needs root"
    for program in ("systemctl", "unshare"):
        if not shutil.which(program):
            return f"{program} is not installed (Debian: systemd, util-linux)"
    if not SYSTEMD.exists():
        return f"{SYSTEMD} is not installed (Debian: systemd)"
    return "" if _hierarchies() else "there is no control group hierarchy that systemd could use"


class UserManager:
    """A running manager. ``folder`` is for the test's files; ``log`` is what the manager said."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.process = process
        self.log = folder / "log"
        self.units = folder / "units"

    def write_unit(self, name: str, text: str) -> None:
        """Install the unit *name* (``it.service``)."""
        (self.units / name).write_text(text)
        self.systemctl("daemon-reload")

    def systemctl(self, *arguments: str, check: bool = True) -> str:
        """What ``systemctl --user`` prints; raises CalledProcessError with its complaint."""
        done = subprocess.run(
            ["systemctl", "--user", *arguments],
            env=environment(self.folder), capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(f"systemctl {arguments}: {done.stderr}\n{self.log.read_text()[-3000:]}")
        return done.stdout

    def show(self, unit: str, name: str) -> str:
        """One property of *unit*."""
        return self.systemctl("show", unit, "--property", name, "--value").strip()

    def wait(self, unit: str, name: str, value: str, timeout: float = 90.0) -> None:
        """Wait until a property has *value*."""
        try:
            wait_until(lambda: self.show(unit, name) == value, timeout, every=0.1)
        except AssertionError:
            told = f"{name} of {unit} is {self.show(unit, name)}, not {value}"
            raise AssertionError(f"{told}\n{self.log.read_text()[-3000:]}") from None

    def main_pid(self, unit: str) -> int:
        """The main process of *unit*; 0 when there is none."""
        return int(self.show(unit, "MainPID"))


@contextmanager
def user_manager() -> Iterator[UserManager]:
    """A manager that runs for the length of the ``with``. Raises AssertionError if it does not start."""
    folder = Path(tempfile.mkdtemp(prefix="labd-sd-"))  # short: sockets below it have a limit of 107 bytes
    groups = [_make_group(hierarchy, folder.name) for hierarchy in _hierarchies()]
    for name in ("home", "run", "units"):
        (folder / name).mkdir(mode=0o700)
    (folder / "units" / "default.target").write_text("[Unit]\nDescription=nothing\n")
    try:
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-c", START],
                env=environment(folder) | {"GROUPS_OF_TEST": " ".join(map(str, groups))},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        manager = UserManager(folder, process)
        _wait_running(manager)
        yield manager
    finally:
        _kill_all(groups, process)
        shutil.rmtree(folder, ignore_errors=True)


def environment(folder: Path) -> dict[str, str]:
    """What the manager, and whoever talks to it, needs."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(folder / "home"),
        "XDG_RUNTIME_DIR": str(folder / "run"),
        "SYSTEMD_UNIT_PATH": str(folder / "units"),
        "LC_ALL": "C.UTF-8",
    }


def _wait_running(manager: UserManager) -> None:
    def running() -> bool:
        gone = manager.process.poll() is not None
        return gone or manager.systemctl("is-system-running", check=False).strip() in ("running", "degraded")

    wait_until(running, 60, every=0.1)
    assert manager.process.poll() is None, manager.log.read_text()


def _hierarchies() -> list[Path]:
    """Where systemd keeps its groups: one unified tree, or two in the hybrid layout."""
    if (CGROUP / "cgroup.controllers").exists():
        return [CGROUP]
    hybrid = [CGROUP / "systemd", CGROUP / "unified"]
    return [path for path in hybrid if (path / "cgroup.procs").exists()]


def _make_group(hierarchy: Path, name: str) -> Path:
    group = hierarchy / name
    group.mkdir()
    return group


def _kill_all(groups: list[Path], process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is in *groups*, the manager last, and remove them."""
    end = time.monotonic() + 60
    while (members := _members(groups)) and time.monotonic() < end:
        for pid in members:
            _kill(pid)
        time.sleep(0.05)
    process.kill()
    process.wait(60)
    for group in groups:
        for folder in sorted(group.rglob("*"), key=lambda path: -len(path.parts)):
            if folder.is_dir():
                folder.rmdir()
        group.rmdir()


def _members(groups: list[Path]) -> set[int]:
    files = [file for group in groups for file in group.rglob("cgroup.procs")]
    pids = {int(pid) for file in files for pid in file.read_text().split()}
    return {pid for pid in pids if alive(pid)}


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:  # it has just ended
        pass


def alive(pid: int) -> bool:
    """True unless *pid* has ended (a zombie has)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"
