"""A real daemon for tests: a process on a folder of its own that may be killed and started again.

The folder is short, since the path of a socket may have 107 bytes. Everything that descends from the
daemon carries the folder's name in its environment; so :meth:`DaemonProcess.close` finds zygotes, shims
and jobs whoever their parent is by then.
"""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from labd.errors import LabdError
from labd.jobs import attempts
from labd.wire.blocking import Client
from tests.support import wait_until

PATIENCE = 60.0
"""Seconds for anything that a loaded machine does late."""

CLEAN = {
    name: value
    for name, value in os.environ.items()
    if not re.match(r"LABD_|XDG_|NOTIFY_SOCKET|WATCHDOG_|LISTEN_|[A-Z]+_DIRECTORY$", name)
}
"""Our environment without what would tell a daemon where to be or to whom to speak."""


class DaemonProcess:
    """One daemon after the other on one state directory. ``with`` ends it and all its jobs."""

    def __init__(self, *options: str, cores: int = 8) -> None:
        """*options* as ``section.key=value``; *cores* is what the ledger hands out, 0 for what there is."""
        self.folder = tempfile.mkdtemp(prefix="labd-", dir="/tmp")
        self.state, self.socket = f"{self.folder}/s", f"{self.folder}/r/labd.sock"
        self.config = Path(self.folder, "labd.toml")
        self.config.touch(0o600)
        self.log_file = Path(self.folder, "log")
        self.log_file.touch()
        self.options = [f"resources.cores={cores}", *options] if cores else list(options)
        self.env: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None

    # -- life ------------------------------------------------------------------------------------

    @property
    def command(self) -> list[str]:
        """The command line of the daemon."""
        chosen = [word for option in self.options for word in ("-o", option)]
        return [sys.executable, "-m", "labd", "--config", str(self.config), *chosen]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the daemon; its places are given as systemd gives them."""
        places = {"STATE_DIRECTORY": self.state, "RUNTIME_DIRECTORY": f"{self.folder}/r"}
        return CLEAN | places | {"LABD_TEST_FOLDER": self.folder} | self.env

    def spawn(self, *before: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start it behind the words *before* (strace, bash), which must exec it, and do not wait."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*before, *self.command], env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=os.getcwd(), **options,
            )  # fmt: skip
        return self.process

    def start(self, *before: str, **options: Any) -> Self:
        """Start it and wait until it answers."""
        self.spawn(*before, **options)
        wait_until(self.answers, PATIENCE, every=0.005)
        return self

    def answers(self) -> bool:
        """Whether it takes requests; AssertionError when it has ended."""
        assert self.process is not None
        assert self.process.poll() is None, f"labd ended with {self.process.returncode}:\n{self.log()}"
        try:
            self.client().close()
        except LabdError:
            return False
        return True

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self, signum: int = signal.SIGKILL) -> int:
        """Signal it and wait for its end; the exit code, negative for a signal."""
        assert self.process is not None
        self.process.send_signal(signum)
        return self.process.wait(PATIENCE)

    def restart(self, *before: str) -> Self:
        """SIGKILL, and at once the next one."""
        self.kill()
        return self.start(*before)

    def close_jobs(self) -> None:
        """End all that descends from the daemon, which is dead."""
        wait_until(self._nothing_left, PATIENCE)

    def close(self) -> None:
        """End everything and remove the folder."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.close_jobs()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _nothing_left(self) -> bool:
        left = carrying(self.folder)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it was about to end
        return not left

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- asking ----------------------------------------------------------------------------------

    def client(self, timeout: float = PATIENCE) -> Client:
        return Client(self.socket, timeout, name="tests")

    def call(self, method: str, params: dict[str, Any] | None = None, timeout: float = PATIENCE) -> Any:
        """The answer to one call on a connection of its own."""
        with self.client(timeout) as client:
            return client.call(method, params, timeout)

    def labctl(self, *words: str, input: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run labctl against it, as a user would."""
        command = [sys.executable, "-m", "labd.cli.labctl", *words]
        env = CLEAN | {"LABD_SOCKET": self.socket}
        return subprocess.run(
            command, env=env, input=input, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def submit(self, *argv: str, key: str | None = None, **spec: Any) -> int:
        """Submit a command; the job's id."""
        reply = self.call("job.submit", {"spec": {"argv": list(argv), **spec}, "key": key})
        return int(reply["job"]["id"])

    def shell(self, text: str, **spec: Any) -> int:
        return self.submit("/bin/sh", "-c", text, **spec)

    def job(self, job: int) -> dict[str, Any]:
        found: dict[str, Any] = self.call("job.show", {"job": job})["job"]
        return found

    def attempts(self, job: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("job.show", {"job": job})["attempts"]
        return found

    def ended(self, *jobs: int) -> list[dict[str, Any]]:
        """The jobs, once all have ended."""
        ask = {"jobs": jobs, "timeout": PATIENCE}
        found: list[dict[str, Any]] = self.call("job.wait", ask, PATIENCE + 5)["jobs"]
        return found

    def until_state(self, job: int, *states: str) -> dict[str, Any]:
        """The job, once it is in one of *states* and somebody can have seen that."""
        return wait_until(lambda: found if (found := self.job(job))["state"] in states else {}, PATIENCE)

    def events(self, kind: str = "", job: int | None = None) -> list[dict[str, Any]]:
        """Every event whose kind starts with *kind*."""
        found: list[dict[str, Any]] = []
        with self.client() as client:
            while more := client.call(
                "event.list", {"since": found[-1]["seq"] if found else 0, "limit": 5000, "job": job}
            )["events"]:
                found += more
        return [event for event in found if event["kind"].startswith(kind)]

    def until_event(self, kind: str) -> dict[str, Any]:
        """The first event of this kind, once there is one."""
        return wait_until(lambda: self.events(kind), PATIENCE)[0]

    # -- looking ---------------------------------------------------------------------------------

    def attempt(self, job: int, number: int = 1) -> Path:
        """The folder of an attempt."""
        return Path(attempts.folder(self.state, job, number))

    def until_exit(self, job: int, number: int = 1) -> dict[str, Any]:
        """The exit record that the shim leaves, daemon or no daemon."""
        marker = self.attempt(job, number) / "exit"
        wait_until(marker.exists, PATIENCE)
        record: dict[str, Any] = json.loads(marker.read_text())
        return record

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database holds, read beside the daemon."""
        with closing(sqlite3.connect(f"file:{self.state}/labd.db?mode=ro", uri=True)) as connection:
            return connection.execute(query, values).fetchall()

    def log(self) -> str:
        return self.log_file.read_text()

    def rss(self) -> int:
        """Bytes of memory that the daemon holds now."""
        fields = Path(f"/proc/{self.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGESIZE")


def carrying(mark: str) -> list[int]:
    """The living processes with *mark* in their environment, this one left out."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if mark.encode() in Path("/proc", name, "environ").read_bytes() and int(name) != os.getpid():
                found.append(int(name))
        except OSError:
            pass  # it has gone meanwhile, or is another user's
    return found
