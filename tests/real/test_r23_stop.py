"""How a daemon stops, and how it takes up a new configuration. R23, R24."""

import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from labd.errors import ConfigError, Overloaded
from labd.wire.messages import Request
from labd.wire.session import encode
from tests.config.broken import BROKEN
from tests.daemon_process import DaemonProcess
from tests.real.plugin import install
from tests.support import wait_until

pytestmark = pytest.mark.real

STUBBORN = """
    import trio
    from labd.api import Restart, Service, hookimpl


    @hookimpl
    def labd_services(node):
        async def run(*, task_status):
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(SECONDS)

        return Service("stubborn", run, Restart(stop_timeout=60))
"""


def test_r23_term_stops_the_daemon_and_no_job(daemon: DaemonProcess) -> None:
    go = Path(daemon.folder, "go")
    running = daemon.shell(f"while ! [ -e {go} ]; do sleep 0.02; done; exit 3")
    wait_until((daemon.attempt(running) / "started").exists)
    with daemon.client():
        begun = time.monotonic()
        assert daemon.kill(signal.SIGTERM) == 0
        assert time.monotonic() - begun < 10
    assert not (daemon.attempt(running) / "exit").exists(), "the job was stopped"
    go.touch()
    daemon.until_exit(running)
    daemon.start()
    [found] = daemon.ended(running)
    assert (found["exit_code"], found["attempt"]) == (3, 1)
    assert daemon.events("daemon.stopping")


def test_r23_requests_that_wait_do_not_hold_up_the_stop(daemon: DaemonProcess) -> None:
    job = daemon.shell("sleep 1000", grace=0.1)
    requests = [
        ("job.wait", {"jobs": [job]}),
        ("job.log", {"job": job, "wait": True}),
        ("subscribe", {"credit": 9}),
    ]
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(daemon.socket)
        for number, (method, params) in enumerate(requests, 1):
            sock.sendall(encode(Request(number, method, params)))
        wait_until(lambda: sock.recv(65_536))  # the answer to subscribe: the others are in work by now
        begun = time.monotonic()
        assert daemon.kill(signal.SIGTERM) == 0
        assert time.monotonic() - begun < 10
    daemon.start()
    daemon.call("job.cancel", {"job": job})
    assert daemon.ended(job)[0]["state"] == "cancelled"


def test_r23_a_second_term_shortens_the_wait_for_a_stubborn_plugin(
    make_daemon: Callable[..., DaemonProcess],
) -> None:
    daemon = make_daemon()
    install(daemon, "stubborn", STUBBORN.replace("SECONDS", "600"))
    daemon.start()
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGTERM)
    wait_until(lambda: re.search('stopping [^"]*stubborn', daemon.log()))
    assert daemon.process.poll() is None
    begun = time.monotonic()  # the first TERM alone would wait for a minute
    daemon.kill(signal.SIGTERM)
    assert time.monotonic() - begun < 15
    assert "stubborn did not stop" in daemon.log()


def test_r23_a_plugin_that_ends_in_time_is_waited_for(make_daemon: Callable[..., DaemonProcess]) -> None:
    daemon = make_daemon()
    install(daemon, "stubborn", STUBBORN.replace("SECONDS", "1"))
    daemon.start()
    begun = time.monotonic()
    assert daemon.kill(signal.SIGTERM) == 0
    assert time.monotonic() - begun >= 1.0


# -- R24 ---------------------------------------------------------------------------------------------


def test_r24_a_broken_file_keeps_the_old_configuration_and_names_every_key(
    make_daemon: Callable[..., DaemonProcess],
) -> None:
    assert len(BROKEN) >= 20
    daemon = make_daemon(cores=0).start()
    daemon.config.write_text("[jobs]\nmax_queued = 7\n")
    daemon.call("daemon.reload")
    for broken in BROKEN:
        daemon.config.write_text(broken.text)
        with pytest.raises(ConfigError) as refusal:
            daemon.call("daemon.reload")
        said = f"{refusal.value.message}\n{refusal.value.hint}"
        for problem in broken.problems:
            assert any(all(part in line for part in problem) for line in said.splitlines()), (
                broken.name,
                said,
            )
    assert still_in_force(daemon) == 7


def test_r24_a_hangup_with_a_broken_file_is_logged_and_changes_nothing(daemon: DaemonProcess) -> None:
    daemon.config.write_text("[jobs]\nmax_queued = 7\n")
    daemon.call("daemon.reload")
    daemon.config.write_text("[jobs]\nmax_queud = 8\n")
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "jobs.max_queud" in daemon.log())
    assert still_in_force(daemon) == 7
    daemon.config.write_text("[jobs]\nmax_queued = 5\n")
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(daemon.events("daemon.reloaded")) == 2)
    assert still_in_force(daemon) == 5


def still_in_force(daemon: DaemonProcess) -> int:
    """The limit on unfinished jobs, as it shows: fill the queue until one is refused, then empty it."""
    jobs: list[int] = []
    with pytest.raises(Overloaded, match="the limit is"):
        jobs.extend(daemon.shell("sleep 1000", grace=0.1) for _ in range(50))
    for job in jobs:
        daemon.call("job.cancel", {"job": job})
    daemon.ended(*jobs)
    return len(jobs)


def test_shutdown_lets_running_jobs_end_as_long_as_is_asked(daemon: DaemonProcess) -> None:
    go = Path(daemon.folder, "go")
    running = daemon.shell(f"while ! [ -e {go} ]; do sleep 0.02; done")
    daemon.until_state(running, "running")
    assert daemon.labctl("shutdown").returncode == 2, "there is nobody to ask"
    assert "1 running job goes on without it" in daemon.labctl("shutdown", "--dry-run").stdout
    done = daemon.labctl("shutdown", "--drain", "1h", "--yes")
    assert done.returncode == 0, done.stderr
    assert daemon.call("daemon.status")["state"] == "stopping"
    assert daemon.job(running)["state"] == "running"
    go.touch()
    assert daemon.process is not None
    assert daemon.process.wait(60) == 0
    daemon.start()
    assert daemon.job(running)["state"] == "succeeded"


def test_a_further_shutdown_ends_the_drain(daemon: DaemonProcess) -> None:
    running = daemon.submit("sleep", "1000")
    daemon.until_state(running, "running")
    assert daemon.labctl("shutdown", "--drain", "1h", "--yes").returncode == 0
    assert daemon.labctl("shutdown", "--drain", "0", "--yes").returncode == 0
    assert daemon.process is not None
    assert daemon.process.wait(60) == 0
