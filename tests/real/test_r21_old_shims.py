"""labd is upgraded under a hundred running jobs: shims of the release before are taken up. R21.

``data/shim-0.1`` is the package of the shim as release 0.1 has it. It stays as it is for ever.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon_process import DaemonProcess
from tests.support import wait_until

pytestmark = pytest.mark.real

OLD = Path(__file__).with_name("data") / "shim-0.1"
JOBS = 100
_LAUNCHER = """import sys
from labd.cli.labd import main
from labd.jobs.launch import Launcher
from labd.jobs.shim import spawn
launch = Launcher.launch  # the old zygote knows no channel
Launcher.launch = lambda self, folder, lock, channel: launch(self, folder, lock)
spawn._ROOT = sys.argv.pop(1)
sys.exit(main())"""


class Upgraded(DaemonProcess):
    """A daemon whose zygote runs the old package until :attr:`old` is taken away."""

    old = True

    @property
    def command(self) -> list[str]:
        present = super().command
        return [sys.executable, "-c", _LAUNCHER, str(OLD), *present[3:]] if self.old else present


@pytest.fixture
def daemon() -> Iterator[Upgraded]:
    with Upgraded(cores=JOBS) as made:
        yield made.start()
        assert "Traceback" not in made.log()


def stands_still(file: Path) -> bool:
    before = file.stat().st_size
    time.sleep(0.3)
    return file.stat().st_size == before


def test_r21_a_hundred_jobs_of_old_shims_are_taken_up(daemon: Upgraded) -> None:
    gate, tick = Path(daemon.folder, "gate"), Path(daemon.folder, "tick")
    os.mkfifo(gate)
    jobs = [daemon.shell(f"read x < {gate}; exit $((LABD_JOB_ID % 7))") for _ in range(JOBS - 4)]
    ticking = daemon.shell(f"while :; do echo >> {tick}; sleep 0.05; done")
    limited = daemon.shell("sleep 1000", time_limit=10)
    early = daemon.shell(f"read x < {gate}; exit 5")
    stubborn = daemon.shell("trap '' TERM; sleep 1000; sleep 1000", grace=0.2)
    everyone = [*jobs, ticking, limited, early, stubborn]
    wait_until(lambda: daemon.call("daemon.status")["jobs"] == {"running": JOBS})
    shim = json.loads((daemon.attempt(early) / "started").read_text())["pid"]
    assert str(OLD) in Path(f"/proc/{shim}/cmdline").read_text(), "the shims are not old ones"
    daemon.kill()
    os.kill(child_of(shim), signal.SIGUSR1)
    daemon.until_exit(early)

    daemon.old = False
    daemon.start()
    assert {event["data"]["job"] for event in daemon.events("job.adopted")} == set(everyone) - {early}
    assert (daemon.ended(early)[0]["signal"]) == signal.SIGUSR1
    assert daemon.call("daemon.status")["resources"]["cores_held"] == JOBS - 1
    daemon.call("job.pause", {"job": ticking})
    wait_until(lambda: stands_still(tick))
    daemon.call("job.resume", {"job": ticking})
    wait_until(lambda: not stands_still(tick))
    for job in (ticking, stubborn):
        daemon.call("job.cancel", {"job": job})
    assert {job["state"] for job in daemon.ended(ticking, stubborn)} == {"cancelled"}
    with open(gate, "r+b", buffering=0) as opened:
        opened.write(b"\n" * JOBS)
        ended = {job["id"]: job for job in daemon.ended(*jobs)}
    assert {job: ended[job]["exit_code"] for job in jobs} == {job: job % 7 for job in jobs}
    assert {job["attempt"] for job in ended.values()} == {1}
    assert daemon.ended(limited)[0]["state"] == "timed_out"
    assert not daemon.old
    assert daemon.ended(daemon.shell("exit 6"))[0]["exit_code"] == 6


def child_of(shim: int) -> int:
    """The main process of a job."""
    return int(Path(f"/proc/{shim}/task/{shim}/children").read_text().split()[0])
