"""From exec to READY=1, with many finished jobs in the store and many plugins installed.

Beside the time, the CPU that the daemon used by then, all its threads together: it varies less while
others use the machine. It is more than the time where the check of the store runs beside the imports.
Python keeps bytecode for the run, as an installed labd has it.
"""

import json
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from daemon import describe, header, milliseconds

from labd.api.jobs import JobSpec
from labd.api.node import Event
from labd.daemon.notices import outbox
from labd.jobs import table
from labd.jobs.model import Attempt, Job
from labd.store import connect, eventlog, migrate
from labd.store.schema import MIGRATIONS

JOBS, PLUGINS, ROUNDS = 100_000, 20, 9

PLUGIN = """
from labd.api import Service, hookimpl
import trio

async def serve(*, task_status=trio.TASK_STATUS_IGNORED):
    task_status.started()
    await trio.sleep_forever()

@hookimpl
def labd_services(node):
    return [Service("{name}", serve)]
"""


def fill(path: str, jobs: int) -> None:
    """*jobs* that have ended, with their attempts and events, as they are after months of use."""
    migrate.create(path, MIGRATIONS)
    with closing(connect.writer(path)) as connection:
        connection.execute("begin")
        for start in range(1, jobs + 1, 1000):
            made = [_job(number) for number in range(start, min(start + 1000, jobs + 1))]
            table.put_jobs(connection, made)
            eventlog.put(connection, [event for job in made for event in _events(job)])
        outbox.put(connection, [], 4 * jobs + 3)  # a daemon that lived with them has looked at them
        connection.execute("commit")
        connect.checkpoint(connection, "TRUNCATE")


def _job(number: int) -> Job:
    began = 1.7e9 + 60.0 * number
    current = Attempt(
        number=1, state="succeeded", token="0" * 32, cause="submitted", started=began, ended=began + 30,
        seconds=30.0, exit_code=0, user_seconds=29.0, system_seconds=0.5, max_rss=2**27,
    )  # fmt: skip
    spec = JobSpec(
        argv=("python", "train.py", f"--seed={number}"), cwd="/home/ann/work", name="train", cpus=1.0
    )
    return Job(
        id=number, uid=1000 + number % 20, gid=1000, user=f"user{number % 20}", spec=spec, environment="",
        submitted=began - 5, state="succeeded", current=current,
    )  # fmt: skip


def _events(job: Job) -> list[Event]:
    kinds = ("job.submitted", "job.starting", "job.started", "job.succeeded")
    return [
        Event(4 * job.id + n, job.submitted + n, kind, "labd", "", {"job": job.id, "attempt": 1})
        for n, kind in enumerate(kinds)
    ]


def install(folder: Path, count: int) -> None:
    """Distributions with a plugin each, on a path of their own."""
    for n in range(count):
        name = f"bench{n}"
        (folder / f"labd_{name}.py").write_text(PLUGIN.format(name=name))
        about = folder / f"labd_{name}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: labd-{name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[labd.plugins]\n{name} = labd_{name}\n")


class Start(NamedTuple):
    """Seconds from exec to READY=1, and of CPU until then."""

    taken: float
    used: float


def start(folder: str) -> Start:
    """Start a daemon; it is ended afterwards."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as notify:
        path = f"{folder}/notify"
        Path(path).unlink(missing_ok=True)
        notify.bind(path)
        notify.settimeout(60)
        began = time.perf_counter()
        process = subprocess.Popen(command(folder), stderr=subprocess.DEVNULL, env=environment(folder))
        while b"READY=1" not in notify.recv(4096):
            pass
        found = Start(time.perf_counter() - began, cpu(process.pid))
        process.terminate()
        process.wait()
        return found


def command(folder: str) -> list[str]:
    settings = [f"daemon.state_dir={folder}/s", f"daemon.runtime_dir={folder}", "resources.cores=2"]
    return [sys.executable, "-m", "labd", *(word for s in settings for word in ("-o", s))]


def environment(folder: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return own | {
        "NOTIFY_SOCKET": f"{folder}/notify",
        "PYTHONPATH": f"{folder}/plugins",
        "PYTHONPYCACHEPREFIX": f"{folder}/bytecode",
    }


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, threads that have ended included: clock_getcpuclockid(3)."""
    return time.clock_gettime(~pid << 3 | 2)


def measured(folder: str) -> list[Start]:
    start(folder)  # bytecode and page cache
    return [start(folder) for _ in range(ROUNDS)]


def told(name: str, starts: list[Start]) -> None:
    times, used = zip(*starts, strict=True)
    print(f"{name:<28} {milliseconds(times)}   CPU {milliseconds(used)}")


def main() -> None:
    header("start to READY")
    folder = tempfile.mkdtemp(prefix="labd-bench-")
    try:
        Path(folder, "plugins").mkdir()
        told("empty", measured(folder))
        shutil.rmtree(f"{folder}/s")
        os.mkdir(f"{folder}/s", 0o700)
        fill(f"{folder}/s/labd.db", JOBS)
        told(f"{JOBS} finished jobs", measured(folder))
        install(Path(folder, "plugins"), PLUGINS)
        starts = measured(folder)
        told(f"and {PLUGINS} plugins", starts)
        median = statistics.median(one.taken for one in starts)
        size = os.stat(f"{folder}/s/labd.db").st_size
        with closing(sqlite3.connect(f"{folder}/s/labd.db")) as connection:
            [[jobs]] = connection.execute("select count(*) from jobs").fetchall()
        print(json.dumps({"median_ms": round(median * 1e3), "jobs": jobs, "bytes": size}))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    describe(__doc__)
    main()
