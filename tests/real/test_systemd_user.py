"""labd under a real systemd: readiness, restart after a kill, watchdog, and jobs that outlive all of it."""

import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from labd.wire.blocking import Client
from tests.support import wait_until
from tests.systemd_user import CannotStart, UserManager, alive, user_manager

pytestmark = pytest.mark.real

UNIT = """
[Service]
Type=notify
NotifyAccess=main
ExecStart={python} -m labd --config {folder}/labd.toml
ExecStopPost=/bin/sh -c 'echo $SERVICE_RESULT >> {folder}/results'
KillMode=process
Delegate=yes
Restart=on-failure
RestartSec=0.1
TimeoutStartSec=120
TimeoutStopSec=60
WatchdogSec={watchdog}
LimitCORE=0
StandardOutput=append:{folder}/labd.log
StandardError=append:{folder}/labd.log
"""

CONFIG = """
[daemon]
state_dir = "{folder}/s"
runtime_dir = "{folder}/r"

[resources]
cores = 4
"""

TRIVIAL = """
[Service]
Type=notify
ExecStart={python} -c "{program}"
"""

PROGRAM = "import time, labd.daemon.notify as n; n.take_notifier().ready('up'); time.sleep(600)"


@pytest.fixture(scope="module")
def systemd() -> Iterator[UserManager]:
    try:
        with user_manager() as manager:
            yield manager
    except CannotStart as reason:
        pytest.skip(str(reason))


class Unit:
    """labd as ``labd.service`` of a manager."""

    def __init__(self, systemd: UserManager, watchdog: float) -> None:
        self.systemd = systemd
        self.folder = systemd.folder
        config = self.folder / "labd.toml"
        config.write_text(CONFIG.format(folder=self.folder))
        config.chmod(0o600)
        text = UNIT.format(python=sys.executable, folder=self.folder, watchdog=watchdog)
        systemd.write_unit("labd.service", text)
        systemd.systemctl("start", "labd")

    def call(self, method: str, **params: Any) -> Any:
        with Client(f"{self.folder}/r/labd.sock", 60) as client:
            return client.call(method, params)

    def job(self, name: str) -> tuple[int, int]:
        """The id and the process of a job that sleeps until it is cancelled."""
        file = self.folder / name
        script = f"echo $$ > {file}.new; mv {file}.new {file}; exec sleep 600"
        spec = {"argv": ["/bin/sh", "-c", script], "name": name, "cwd": "/tmp", "grace": 1.0}
        number = self.call("job.submit", spec=spec)["job"]["id"]
        wait_until(file.exists)
        return number, int(file.read_text())

    def survives(self, number: int, process: int) -> None:
        """Check that the job still runs in its first attempt, and that labd can end it."""
        found = self.call("job.show", job=number)["job"]
        assert (found["state"], found["attempt"], alive(process)) == ("running", 1, True)
        self.call("job.cancel", job=number)
        self.call("job.wait", jobs=[number], timeout=60)
        assert not alive(process)

    def until_restarted(self, old: int) -> int:
        """The process of the next labd, once it is ready."""
        wait_until(lambda: self.systemd.main_pid("labd") not in (0, old), 90, every=0.1)
        self.systemd.wait("labd", "ActiveState", "active")
        return self.systemd.main_pid("labd")


@pytest.fixture
def start(systemd: UserManager) -> Iterator[Any]:
    """``start(watchdog=..)`` gives a labd that is ready; in the end it is stopped."""
    yield lambda watchdog=30.0: Unit(systemd, watchdog)
    systemd.systemctl("stop", "labd.service")
    systemd.systemctl("reset-failed")


def test_the_manager_hears_a_trivial_notifier(systemd: UserManager) -> None:
    systemd.write_unit("trivial.service", TRIVIAL.format(python=sys.executable, program=PROGRAM))
    systemd.systemctl("start", "trivial")
    assert systemd.show("trivial", "ActiveState") == "active"
    assert systemd.show("trivial", "StatusText") == "up"
    systemd.systemctl("stop", "trivial")


def test_r22_start_returns_when_labd_answers(systemd: UserManager, start: Any) -> None:
    labd = start()
    assert systemd.show("labd", "ActiveState") == "active"
    assert labd.call("ping") is not None
    assert systemd.show("labd", "StatusText") != ""


def test_r2_a_killed_labd_is_restarted_and_its_job_goes_on(systemd: UserManager, start: Any) -> None:
    labd = start()
    job = labd.job("kill")
    old = systemd.main_pid("labd")
    os.kill(old, signal.SIGKILL)
    assert labd.until_restarted(old) != old
    labd.survives(*job)


def test_r22_a_labd_whose_loop_stands_still_is_restarted_by_the_watchdog(
    systemd: UserManager, start: Any
) -> None:
    labd = start(watchdog=4.0)
    job = labd.job("watchdog")
    old = systemd.main_pid("labd")
    os.kill(old, signal.SIGSTOP)
    labd.until_restarted(old)
    assert (labd.folder / "results").read_text().split()[-1] == "watchdog"
    labd.survives(*job)


def test_r23_a_job_outlives_stop_and_is_found_by_the_next_start(systemd: UserManager, start: Any) -> None:
    labd = start()
    job = labd.job("stop")
    systemd.systemctl("stop", "labd")
    assert systemd.show("labd", "Result") == "success"
    assert systemd.show("labd", "ActiveState") == "inactive"
    assert alive(job[1])
    systemd.systemctl("start", "labd")
    labd.survives(*job)


def test_r23_a_job_outlives_a_restart(systemd: UserManager, start: Any) -> None:
    labd = start()
    job = labd.job("restart")
    systemd.systemctl("restart", "labd")
    labd.survives(*job)


def test_r25_whoever_calls_while_labd_is_away_waits_and_is_answered(systemd: UserManager, start: Any) -> None:
    systemd.write_unit("labd.socket", f"[Socket]\nListenStream={systemd.folder}/r/labd.sock\n")
    systemd.systemctl("start", "labd.socket")
    labd = start()
    old = systemd.main_pid("labd")
    systemd.systemctl("stop", "labd.service")
    assert systemd.show("labd", "ActiveState") == "inactive"
    assert labd.call("ping") is not None  # systemd starts labd for this connection
    assert systemd.main_pid("labd") not in (0, old)
    systemd.systemctl("stop", "labd.socket")
