"""Writes ``data/state-VERSION``: what a daemon of this release leaves when it and the machine die.

Run it once for each release, commit the folder, and never change it again: every later labd must take
it up. ``python -m tests.real.make_state 0.1``
"""

import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from tests.daemon_process import DaemonProcess
from tests.support import wait_until


def main(version: str) -> None:
    target = Path(__file__).with_name("data") / f"state-{version}"
    with DaemonProcess() as daemon:
        daemon.start()
        daemon.ended(daemon.shell("echo hello", name="good"), daemon.shell("exit 3", name="bad"))
        late = daemon.shell("exit 4", name="late", retries=1, retry_delay=86_400)
        daemon.until_state(late, "queued")
        lost = daemon.shell("sleep 1000", name="lost")
        daemon.until_state(lost, "running")
        wait_until((daemon.attempt(lost) / "started").exists)
        wait_until(lambda: len(daemon.events("job.queued")) == 1)
        daemon.kill()
        daemon.close_jobs()
        with closing(sqlite3.connect(f"{daemon.state}/labd.db")) as connection:
            connection.execute("pragma wal_checkpoint(truncate)")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(
            daemon.state, target, ignore=shutil.ignore_patterns("ctl", "daemon.lock", "*-wal", "*-shm")
        )
    for path in target.rglob("*"):
        os.chmod(
            path, 0o755 if path.is_dir() else 0o644
        )  # so that whoever checks the project out can read it


if __name__ == "__main__":
    main(sys.argv[1])
