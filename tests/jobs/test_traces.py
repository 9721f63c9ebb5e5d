"""What attempt folders tell."""

import os
from pathlib import Path

import msgspec

from labd.jobs import attempts, order, traces
from tests.jobs.build import a_job


def leave(state: Path, job: int, number: int) -> Path:
    """The folder of an attempt that was prepared."""
    record = a_job("starting")
    assert record.current is not None
    current = msgspec.structs.replace(record.current, number=number)
    record = msgspec.structs.replace(record, id=job, current=current)
    folder = Path(attempts.folder(str(state), job, number))
    what = {"argv": ["true"], "cwd": "/", "env": {"A": "b", "LABD_JOB_ID": str(job)}}
    os.close(attempts.prepare(str(folder), what, record=order.record_of(record)))
    return folder


def test_every_attempt_is_found_and_nothing_else(tmp_path: Path) -> None:
    for job, number in ((7, 2), (7, 1), (1003, 1)):
        leave(tmp_path, job, number)
    (tmp_path / "jobs" / "0" / "notes.txt").touch()
    assert attempts.all_attempts(str(tmp_path)) == {7: [1, 2], 1003: [1]}
    assert attempts.all_attempts(str(tmp_path / "nothing")) == {}


def test_a_folder_tells_its_job_and_its_end(tmp_path: Path) -> None:
    leave(tmp_path, 7, 1)
    [trace] = traces.read(str(tmp_path), 7, [1]).found
    assert (trace.job.id, trace.number, trace.job.attempt) == (7, 1, 1)
    assert trace.finding.kind == "never"
    assert traces.environment(str(tmp_path), 7, 1) == {"A": "b"}


def test_a_folder_that_does_not_tell_is_named(tmp_path: Path) -> None:
    (leave(tmp_path, 7, 1) / "order.json").write_text("{")
    (leave(tmp_path, 7, 2) / "order.json").unlink()
    (leave(tmp_path, 7, 3) / "order.json").write_text((leave(tmp_path, 8, 3) / "order.json").read_text())
    found, unreadable = traces.read(str(tmp_path), 7, [1, 2, 3])
    assert found == []
    assert [line.split(" (")[0] for line in unreadable] == [
        str(tmp_path / f"jobs/0/7.{n}") for n in (1, 2, 3)
    ]
    assert "is about attempt 3 of job 8" in unreadable[2]


def test_only_the_daemon_reads_the_record(tmp_path: Path) -> None:
    assert (leave(tmp_path, 7, 1) / "order.json").stat().st_mode & 0o777 == 0o600
