"""The doctor finds what is wrong, and says the next step."""

import functools

import msgspec
import pytest
import trio

from labd.daemon import doctor
from labd.daemon.plugin_record import PluginRecord
from labd.resources.ledger import GpuStatistics, Holding
from labd.store.note import Repair
from labd.store.writer import Store
from labd.workers.sandbox import Levels, Means


@pytest.fixture
def statistics(tmp_path):
    store = Store.open(str(tmp_path / "labd.db"))
    yield store.statistics()
    store.close()


def test_a_good_store_is_ok(statistics):
    assert doctor.store(statistics, None).state == "ok"


def test_a_repaired_store_is_pointed_out(statistics):
    check = doctor.store(statistics, Repair(("/s/labd.db.damaged-1",), None, "the file is 7 bytes long"))
    assert check.state == "warn"
    assert "the file is 7 bytes long" in check.message
    assert "/s/labd.db.damaged-1" in check.hint


@pytest.mark.parametrize(
    ("free", "state"),
    [(doctor.FAIL_FREE - 1, "fail"), (doctor.WARN_FREE - 1, "warn"), (doctor.WARN_FREE, "ok")],
)
def test_a_full_disk_is_told_before_it_is_full(tmp_path, monkeypatch, free, state):
    usage = type("Usage", (), {"free": free})()
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage)
    check = doctor.disk(str(tmp_path))
    assert check.state == state
    assert str(tmp_path) in check.message


def test_the_speed_of_the_disk_is_measured_and_nothing_is_left(tmp_path):
    assert "ms for a durable write" in doctor.fsync_speed(str(tmp_path)).message
    assert list(tmp_path.iterdir()) == []


def test_a_slow_disk_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "_timed_write", lambda fd: 0.5)
    assert doctor.fsync_speed(str(tmp_path)).state == "warn"


def test_failed_plugins_are_named():
    bad = PluginRecord(name="x", state="failed", error="ModuleNotFoundError: No module named 'y'")
    check = doctor.plugins([bad, PluginRecord(name="z", state="loaded")])
    assert (check.state, "x failed: ModuleNotFoundError" in check.message) == ("warn", True)


def test_each_gpu_is_told_of_with_its_holders():
    well = GpuStatistics(0, "nvidia", "H200", "GPU-a", 24 * 2**30, "ok", "", (Holding("job 4", 0.5, 1),))
    found = doctor.gpu(well)
    assert (found.name, found.state, found.message) == ("gpu 0", "ok", "H200, 24 GiB; held by job 4")
    found = doctor.gpu(msgspec.structs.replace(well, health="gone", why="not listed", held=()))
    assert (found.state, found.message) == ("fail", "gone: not listed")
    assert found.hint == "no new job gets H200, 24 GiB; see nvidia-smi, dmesg"
    many = tuple(Holding(f"job {n}", 0.1, 1) for n in range(9))
    found = doctor.gpu(msgspec.structs.replace(well, held=many))
    assert found.message == "H200, 24 GiB; held by job 0, job 1, job 2 and 6 more"


def test_few_descriptors_are_a_warning():
    assert doctor.descriptors(2**40).state == "warn"


def test_who_holds_jobs_to_their_limits_is_said():
    assert "each job's shim" in doctor.limits(None, wants_cpus=False).message
    assert doctor.limits(None, wants_cpus=True).hint == "jobs.enforce_cpus has no effect here"


def test_the_levels_of_isolation_are_named_with_what_makes_them_and_what_is_missing():
    rich = Levels(
        Means("bubblewrap", "/usr/bin/bwrap"), Means("Landlock", "version 7"), Means("seccomp", "x86_64")
    )
    found = doctor.sandbox(lambda: rich)
    assert (found.state, found.hint) == ("ok", "")
    assert (
        "none, limits, isolated by bubblewrap, isolated+net by bubblewrap; bubblewrap works" in found.message
    )
    absent = Means("bubblewrap", "", "bubblewrap is not installed", "apt install bubblewrap")
    found = doctor.sandbox(lambda: rich._replace(bubblewrap=absent))
    assert (found.state, found.hint) == ("warn", "apt install bubblewrap")
    assert "isolated+net by Landlock (not" in found.message
    assert "bubblewrap is not installed; Landlock works (version 7); seccomp works (x86_64)" in found.message
    old = Means("Landlock", "", "the kernel has no Landlock", "take another")
    assert (
        "can have: none, limits;"
        in doctor.sandbox(lambda: rich._replace(bubblewrap=absent, landlock=old)).message
    )


async def test_a_check_that_cannot_be_made_fails_alone(tmp_path):
    checks = await doctor.examine([functools.partial(doctor.disk, str(tmp_path / "absent")), doctor.clock])
    assert [check.state for check in checks] == ["fail", "ok"]
    await trio.lowlevel.checkpoint()
