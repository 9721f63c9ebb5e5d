"""The disk is full, or fails: what is acknowledged is kept, and labd heals by itself. R17, R18."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labd.errors import LabdError, StoreUnavailable
from tests.daemon_process import DaemonProcess
from tests.real.effects import Aftermath, Submitter, traced, until_idle
from tests.real.faults import failing, failures, needs_strace
from tests.real.folding import differences
from tests.support import wait_until

pytestmark = pytest.mark.real

BIG = {"X": "x" * 30_000}


@pytest.fixture
def tiny(make_daemon: Callable[..., DaemonProcess]) -> Iterator[DaemonProcess]:
    """A daemon whose state directory has 4 MiB."""
    daemon = make_daemon()
    os.mkdir(daemon.state)
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", daemon.state]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    yield daemon.start()
    daemon.kill()
    daemon.close_jobs()
    subprocess.run(["umount", "--lazy", daemon.state], check=True)


def fill(folder: str) -> Path:
    """Write a file until nothing more fits."""
    path = Path(folder, "filler")
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            return path
    raise AssertionError("the disk is not full")


def until_refused(daemon: DaemonProcess) -> list[int]:
    """Submit until the store refuses; the jobs accepted by then."""
    accepted: list[int] = []
    with pytest.raises(StoreUnavailable, match=r"labd\.db") as refusal:
        accepted.extend(daemon.submit("/bin/true", env={**BIG, "N": str(n)}) for n in range(2000))
    assert refusal.value.exit_code == 7
    assert refusal.value.hint
    return accepted


def test_r17_a_full_disk_refuses_work_keeps_jobs_and_heals(tiny: DaemonProcess) -> None:
    go = Path(tiny.folder, "go")
    running = tiny.shell(f"while ! [ -e {go} ]; do sleep 0.02; done; exit 9")
    tiny.until_event("job.started")
    wait_until((tiny.attempt(running) / "started").exists)
    filler = fill(tiny.state)
    accepted = until_refused(tiny)
    assert tiny.call("ping") == {}
    assert "refused" in " ".join(tiny.call("daemon.status")["trouble"])
    go.touch()
    assert tiny.until_exit(running)["exit_code"] == 9
    assert tiny.job(running)["state"] == "running", "an end was told that is not kept"
    filler.unlink()
    found = tiny.ended(running)[0]
    assert (found["state"], found["exit_code"], found["attempt"]) == ("failed", 9, 1)
    healed = tiny.until_event("store.healed")
    assert "full" in healed["data"]["cause"] or "disk" in healed["data"]["cause"]
    after = tiny.submit("/bin/true")
    assert {job["state"] for job in tiny.ended(after, *accepted)} == {"succeeded"}
    assert differences(tiny.state) == []


def test_r17_the_client_program_leaves_with_code_7(tiny: DaemonProcess) -> None:
    fill(tiny.state)
    until_refused(tiny)
    done = tiny.labctl("submit", "/bin/true")
    assert done.returncode == 7
    assert "cannot store" in done.stderr
    assert "hint:" in done.stderr


@needs_strace
@pytest.mark.parametrize(
    ("call", "error", "when"),
    [
        ("pwrite64", "ENOSPC", "20..24"),
        ("pwrite64", "EIO", "25..27"),
        ("fdatasync", "EIO", "8..10"),
        ("fdatasync", "EIO", "1"),
        ("fdatasync", "ENOSPC", "2..60+7"),
        ("mkdir", "ENOSPC", "3..4"),
        ("inotify_add_watch", "ENOSPC", "3..4"),
    ],
)
def test_r18_what_is_acknowledged_survives_failing_calls(
    daemon: DaemonProcess, call: str, error: str, when: str
) -> None:
    """Also R17 for failures that pass: the daemon lives, heals, and every accepted job runs once."""
    with failures(daemon.pid, call, error, when):
        submitter = Submitter(daemon, lambda _: traced(daemon), 12).start()
        submitter.wait()
        until_idle(daemon)
    assert alive(daemon)
    assert set(submitter.refusals) <= {"store"}
    storing = call in ("pwrite64", "fdatasync")
    assert storing == ("the store works again" in daemon.log())
    daemon.restart()
    found = Aftermath(daemon, submitter.accepted)
    assert found.problems() == {}
    assert differences(daemon.state) == []


def alive(daemon: DaemonProcess) -> bool:
    return daemon.process is not None and daemon.process.poll() is None


@needs_strace
def test_r18_while_no_sync_succeeds_nothing_is_acknowledged(daemon: DaemonProcess) -> None:
    before = [daemon.submit("/bin/true") for _ in range(3)]
    daemon.ended(*before)
    with failures(daemon.pid, "fdatasync", "EIO", "1+"):
        refused = [refusal(daemon) for _ in range(50)]
        assert refused == ["store"] * 50
        assert daemon.call("daemon.status")["store"]["state"] == "failed"
        assert {job["id"] for job in daemon.call("job.list", {})["jobs"]} == set(before)
        assert alive(daemon)
        daemon.kill()
    daemon.start()
    kept = {job["id"] for job in daemon.call("job.list", {"limit": 5000})["jobs"]}
    assert set(before) <= kept  # one that was refused may be there: its bytes were written, not promised
    until_idle(daemon)


def refusal(daemon: DaemonProcess) -> str:
    """The code with which a submission is refused; empty when it is taken."""
    try:
        daemon.submit("/bin/true")
    except LabdError as error:
        return error.code
    return ""


@needs_strace
def test_r18_a_daemon_whose_disk_fails_at_the_start_says_so_and_leaves(daemon: DaemonProcess) -> None:
    job = daemon.submit("/bin/true")
    daemon.ended(job)
    daemon.kill()
    assert daemon.spawn(*failing("fdatasync", "EIO", "1+")).wait(60) == 7
    assert "labd: cannot store: " in daemon.log()
    assert "hint: check the disk" in daemon.log()
    daemon.start()
    assert daemon.job(job)["state"] == "succeeded"
