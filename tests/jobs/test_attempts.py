"""Attempt folders: made whole or not at all, read right in every state, deaf to pids."""

import fcntl
import json
import os
import signal
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from labd.errors import Conflict
from labd.jobs import attempts
from labd.jobs.shim import marks
from tests.jobs.shim.support import Attempt, order, running_zygote
from tests.support import wait_until


@pytest.fixture
def path(tmp_path: Path) -> str:
    return attempts.folder(str(tmp_path), 12_345, 2)


def _mark(path: str, name: str, **record: Any) -> None:
    marks.write(path, name, record)


def test_folders_lie_in_buckets_of_a_thousand() -> None:
    assert attempts.folder("/s", 999, 1) == "/s/jobs/0/999.1"
    assert attempts.folder("/s", 12_345, 2) == "/s/jobs/12/12345.2"


def test_prepare_makes_all_that_a_shim_needs(path: str) -> None:
    lock = attempts.prepare(path, order("true", script="#!/bin/true\n"))
    assert sorted(os.listdir(path)) == ["lock", "order.json", "out.log", "report.ndjson", "run", "script"]
    told = json.loads(Path(path, "order.json").read_text())
    assert (told["version"], told["argv"]) == (1, [f"{path}/script", "true"])
    assert "script" not in told
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(f"{path}/script").st_mode) == 0o700
    assert stat.S_IMODE(os.stat(f"{path}/order.json").st_mode) == 0o600
    assert not os.get_inheritable(lock)
    assert attempts.inspect(path).kind == "alive"
    os.close(lock)
    assert attempts.inspect(path).kind == "never"


def test_what_never_began_is_replaced(path: str) -> None:
    os.close(attempts.prepare(path, order("true", script="x")))
    os.close(attempts.prepare(path, order("false")))
    assert sorted(os.listdir(path)) == ["lock", "order.json", "out.log", "report.ndjson", "run"]


@pytest.mark.parametrize("name", [marks.STARTED, marks.EXIT])
def test_r4_what_began_is_never_replaced(path: str, name: str) -> None:
    os.close(attempts.prepare(path, order("true")))
    _mark(path, name, boot_id="x")
    with pytest.raises(Conflict, match="has begun already"):
        attempts.prepare(path, order("true"))
    assert os.path.exists(f"{path}/{name}")


def test_what_is_held_is_never_replaced(path: str) -> None:
    lock = attempts.prepare(path, order("true"))
    with pytest.raises(Conflict, match="alive"):
        attempts.prepare(path, order("true"))
    os.close(lock)


def test_a_prepare_that_fails_leaves_nothing(path: str) -> None:
    fds = len(os.listdir("/proc/self/fd"))
    with pytest.raises(TypeError):
        attempts.prepare(path, order("true", what=object()))
    assert os.listdir(os.path.dirname(path)) == []
    assert len(os.listdir("/proc/self/fd")) == fds


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ((), "never"),
        ((marks.STARTED,), "lost"),
        ((marks.STARTED, marks.EXIT), "exited"),
        ((marks.EXIT,), "exited"),
    ],
)
def test_records_tell_what_became_of_it(path: str, names: tuple[str, ...], kind: str) -> None:
    os.close(attempts.prepare(path, order("true")))
    for name in names:
        _mark(path, name, boot_id=marks.boot_id(), exit_code=3)
    assert attempts.inspect(path).kind == kind


def test_an_exit_record_counts_although_the_shim_still_holds_the_lock(path: str) -> None:
    lock = attempts.prepare(path, order("true"))
    _mark(path, marks.EXIT, exit_code=3)
    found = attempts.inspect(path)
    assert (found.kind, (found.exit or {})["exit_code"]) == ("exited", 3)
    os.close(lock)


def test_a_shim_that_ends_between_the_two_looks_has_exited(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.close(attempts.prepare(path, order("true")))
    _mark(path, marks.STARTED, boot_id="x")

    def looked(path: str) -> bool:
        _mark(path, marks.EXIT, exit_code=0)
        return False

    monkeypatch.setattr(attempts, "locked", looked)
    assert attempts.inspect(path).kind == "exited"


def test_no_folder_says_so(path: str) -> None:
    assert attempts.inspect(path) == attempts.Finding("never", why=f"there is no folder {path}")


def test_a_damaged_record_is_a_loss_not_a_crash(path: str) -> None:
    os.close(attempts.prepare(path, order("true")))
    Path(path, marks.EXIT).write_bytes(b"\0" * 100)
    found = attempts.inspect(path)
    assert found.kind == "lost"
    assert "damaged" in found.why


def test_the_cause_of_a_loss_is_told(path: str) -> None:
    os.close(attempts.prepare(path, order("true")))
    _mark(path, marks.STARTED, boot_id="another")
    assert attempts.inspect(path).why == "the machine restarted while it ran"
    _mark(path, marks.STARTED, boot_id=marks.boot_id())
    assert attempts.inspect(path).why == "its shim was killed"


def test_two_who_look_do_not_see_each_other(path: str) -> None:
    os.close(attempts.prepare(path, order("true")))
    fd = os.open(f"{path}/lock", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)
    assert attempts.inspect(path).kind == "never"
    os.close(fd)


@pytest.mark.real
def test_r9_a_stale_attempt_never_reaches_a_stranger_with_its_pid(path: str) -> None:
    with subprocess.Popen(["sleep", "600"]) as innocent:
        os.close(attempts.prepare(path, order("true")))
        os.mkfifo(f"{path}/ctl")
        _mark(path, marks.STARTED, pid=innocent.pid, boot_id="another")
        assert attempts.inspect(path).kind == "lost"
        assert attempts.cancel(path, 0.0) is False
        assert attempts.send_signal(path, signal.SIGKILL) is False
        assert innocent.poll() is None
        innocent.kill()


def test_commands_to_nobody_are_false(path: str) -> None:
    assert attempts.cancel(path, 1.0) is False
    os.close(attempts.prepare(path, order("true")))
    assert attempts.cancel(path, 1.0) is False


def test_a_shim_that_does_not_listen_is_false_not_a_hang(path: str) -> None:
    os.close(attempts.prepare(path, order("true")))
    os.mkfifo(f"{path}/ctl")
    reader = os.open(f"{path}/ctl", os.O_RDWR | os.O_NONBLOCK)
    while attempts.cancel(path, 1.0):
        pass
    assert os.read(reader, 11) == b"cancel 1.0\n"
    os.close(reader)


@pytest.mark.real
def test_r2_an_attempt_is_found_alive_and_stopped_by_whoever_comes_later(path: str) -> None:
    with running_zygote() as zygote:
        attempt = Attempt(zygote, path, order("sleep", "600"))
    wait_until(lambda: attempts.inspect(path).started)
    assert attempts.inspect(path).kind == "alive"
    assert attempts.cancel(path, 60.0)
    assert attempt.until_over()["reason"] == "cancelled"
    assert attempts.inspect(path).kind == "exited"
