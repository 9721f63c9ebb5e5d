"""Jobs that leave a trace of every run, a client that never gives up, and the comparison in the end."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labd.errors import LabdError
from tests.daemon_process import PATIENCE, DaemonProcess
from tests.support import wait_until

_JOB = """echo "$LABD_JOB_ID $LABD_ATTEMPT" >> {effects}
echo begin $LABD_JOB_ID
{work}
echo end $LABD_JOB_ID
exit $((LABD_JOB_ID % 7))"""

UNFINISHED = ("queued", "starting", "running")


def effects_file(daemon: DaemonProcess) -> Path:
    return Path(daemon.folder, "effects")


def traced(daemon: DaemonProcess, work: str = ":", **spec: Any) -> dict[str, Any]:
    """The spec of a job that notes each run and leaves with its id modulo 7."""
    text = _JOB.format(effects=effects_file(daemon), work=work)
    return {"argv": ["/bin/sh", "-c", text], **spec}


class Submitter:
    """Submits without pause in a thread of its own; what was not answered is sent again, with its key."""

    def __init__(
        self, daemon: DaemonProcess, spec: Callable[[int], dict[str, Any]], jobs: int = 1_000_000
    ) -> None:
        self._daemon = daemon
        self._spec = spec
        self._jobs = jobs
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.accepted: dict[str, int] = {}
        self.refusals: Counter[str] = Counter()

    def start(self) -> "Submitter":
        self._thread.start()
        return self

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Submit no more; what is on its way is still waited for."""
        self._stop.set()
        self.wait()

    def wait(self) -> None:
        """Wait until every submission was answered."""
        self._thread.join(2 * PATIENCE)
        assert self.done, "the client still waits for an answer"

    def _run(self) -> None:
        while not self._stop.is_set() and len(self.accepted) < self._jobs:
            try:
                self._submit_all()
            except LabdError as error:
                self.refusals[error.code] += 1
                time.sleep(0.02)

    def _submit_all(self) -> None:
        with self._daemon.client() as client:
            while not self._stop.is_set() and len(self.accepted) < self._jobs:
                number = len(self.accepted) + 1
                reply = client.call("job.submit", {"spec": self._spec(number), "key": f"k{number}"})
                self.accepted[f"k{number}"] = reply["job"]["id"]


def is_idle(daemon: DaemonProcess) -> bool:
    """Whether no job is unfinished, as far as a daemon says that may be dead."""
    try:
        return not daemon.call("job.list", {"states": UNFINISHED, "limit": 1})["jobs"]
    except LabdError:
        return False


def until_idle(daemon: DaemonProcess) -> None:
    """Wait until no job is unfinished."""
    wait_until(lambda: is_idle(daemon), 2 * PATIENCE, every=0.03)


class Aftermath:
    """All jobs of a daemon that is idle, beside what they did."""

    def __init__(self, daemon: DaemonProcess, accepted: dict[str, int]) -> None:
        self.daemon, self.accepted = daemon, accepted
        listed = daemon.call("job.list", {"limit": 5000})["jobs"]
        self.jobs: dict[int, dict[str, Any]] = {job["id"]: job for job in listed}
        assert len(listed) < 5000, "more jobs than one list shows"
        lines = effects_file(daemon).read_text().splitlines() if effects_file(daemon).exists() else []
        self.runs = Counter((int(job), int(attempt)) for job, attempt in map(str.split, lines))

    def lost(self) -> list[str]:
        """Keys that were answered and whose job is not there, or is another."""
        with self.daemon.client() as client:
            return [
                key
                for key, job in self.accepted.items()
                if job not in self.jobs or not _same(client, key, job)
            ]

    def doubles(self) -> list[tuple[int, int]]:
        """Attempts that ran more than once."""
        return [run for run, times in self.runs.items() if times > 1]

    def unmarked(self) -> list[int]:
        """Jobs that ran more often than their attempts say, or whose last attempt never ran."""
        per_job = Counter(job for job, _ in self.runs)
        more = [job for job, times in per_job.items() if times > self.jobs[job]["attempt"]]
        return more + [
            job["id"] for job in self.jobs.values() if (job["id"], job["attempt"]) not in self.runs
        ]

    def wrong_codes(self) -> list[dict[str, Any]]:
        return [job for job in self.jobs.values() if job["exit_code"] != job["id"] % 7]

    def wrong_logs(self) -> list[int]:
        with self.daemon.client() as client:
            return [n for n in self.jobs if client.call("job.log", {"job": n})["data"] != _output(n)]

    def problems(self) -> dict[str, Any]:
        """Everything that is not as promised."""
        found = {
            "lost": self.lost(),
            "ran twice": self.doubles(),
            "unmarked": self.unmarked(),
            "wrong exit codes": self.wrong_codes(),
            "wrong logs": self.wrong_logs(),
        }
        return {name: what for name, what in found.items() if what}


def _same(client: Any, key: str, job: int) -> bool:
    reply = client.call("job.submit", {"spec": {"argv": ["/bin/true"]}, "key": key})
    return not reply["created"] and reply["job"]["id"] == job


def _output(job: int) -> bytes:
    return f"begin {job}\nend {job}\n".encode()
