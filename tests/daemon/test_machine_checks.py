"""What the doctor finds without a daemon."""

import os
from pathlib import Path

import pytest

from labd.daemon import machine_checks, offline
from labd.daemon.machine_checks import NEEDED
from labd.store import migrate, snapshot
from labd.store.schema import MIGRATIONS

GOOD = {key: good for key, (good, _) in NEEDED.items()} | {"LimitNOFILE": "65536", "WatchdogUSec": "30s"}


@pytest.fixture
def store(tmp_path):
    path = str(tmp_path / "labd.db")
    migrate.create(path, MIGRATIONS)
    return path


def test_a_whole_store_is_ok_and_a_damaged_one_fails(store):
    assert machine_checks.integrity(store).state == "ok"
    with open(store, "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(8192))
    found = machine_checks.integrity(store)
    assert found.state == "fail"
    assert "restart labd" in found.hint


def test_snapshots_that_are_overdue_are_pointed_out(store):
    assert machine_checks.snapshots(store, 3600, 0).message.startswith("none yet")
    made = os.stat(snapshot.take_dated(store, 1e9, 3)).st_mtime
    assert machine_checks.snapshots(store, 3600, made + 3600).state == "ok"
    late = machine_checks.snapshots(store, 3600, made + 4 * 3600)
    assert (late.state, late.message) == ("warn", "1, the newest 4 h old")


def test_copies_that_nobody_needs_are_named(store):
    assert machine_checks.copies(store).message.startswith("no old")
    Path(f"{store}.v3-20260101T000000Z").write_bytes(bytes(2048))
    assert machine_checks.copies(store).message.startswith("labd.db.v3-20260101T000000Z take 2 KiB")


@pytest.mark.parametrize(("answer", "state"), [(0, "ok"), (5, "warn")])
def test_the_kernel_is_asked_whether_the_clock_is_kept(monkeypatch, answer, state):
    class Libc:
        def adjtimex(self, buffer):
            return answer

    monkeypatch.setattr(machine_checks.ctypes, "CDLL", lambda *a, **k: Libc())
    assert machine_checks.synchronised().state == state


def test_a_clock_that_was_set_is_pointed_out():
    assert machine_checks.drift(1.0).state == "ok"
    found = machine_checks.drift(-86_400.0)
    assert (found.state, found.message) == ("warn", "set by -86400.0 s since labd started")


def test_a_unit_that_would_end_jobs_is_pointed_out():
    assert machine_checks.unit("labd.service", GOOD).state == "ok"
    found = machine_checks.unit("labd.service", GOOD | {"KillMode": "control-group"})
    assert found.state == "warn"
    assert "KillMode=control-group: a stop or restart of labd would end all jobs" in found.message
    assert machine_checks.unit("labd.service", {}).state == "ok"


def test_who_is_no_service_is_told_how_to_become_one():
    assert "labd service install" in machine_checks.systemd("0::/", {}, True).message


def test_a_users_unit_without_lingering_is_pointed_out(monkeypatch):
    class Done:
        stdout = "\n".join(f"{key}={value}" for key, value in GOOD.items())

    asked = []
    monkeypatch.setattr(
        machine_checks.subprocess, "run", lambda command, **k: asked.append(command) or Done()
    )
    group = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/labd.service"
    found = machine_checks.systemd(group, {"INVOCATION_ID": "x"}, False)
    assert (found.state, found.hint) == ("warn", "loginctl enable-linger")
    assert asked[0][:3] == ["systemctl", "--user", "show"]
    assert machine_checks.systemd(group, {"INVOCATION_ID": "x"}, True).state == "ok"


def test_the_doctor_looks_at_a_state_that_nobody_runs_on(store, tmp_path):
    found = {check.name: check.state for check in offline.examine(store)}
    assert {"integrity", "snapshots", "disk", "fsync", "versions", "ntp"} <= set(found)
    (tmp_path / "restoring").mkdir()
    [failed] = [check for check in offline.examine(store) if check.state == "fail"]
    assert failed.hint.startswith("run `labd restore`")
    assert offline.examine(str(tmp_path / "absent/labd.db"))[0].state == "ok"
