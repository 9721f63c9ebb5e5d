"""Events in the log."""

import logging

import pytest

from labd.api.node import Event
from labd.daemon import journal, log_formats, told


def event(kind: str, cause: str = "", **data: object) -> Event:
    return Event(1, 0.0, kind, "labd", cause, dict(data))


def test_a_failed_job_is_told_with_its_fields(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "labd.events"):
        told.tell(
            [event("job.started", job=7, attempt=2), event("job.failed", "exit code 3", job=7, attempt=2)]
        )
    [record] = caplog.records
    assert record.getMessage() == "job 7 failed: exit code 3"
    assert log_formats.context(record) == {"job": 7, "attempt": 2, "event": "job.failed"}
    fields = journal.fields(record)
    assert (fields["LABD_JOB"], fields["LABD_ATTEMPT"], fields["LABD_EVENT"]) == (7, 2, "job.failed")
    assert fields["PRIORITY"] == 6


def test_at_the_level_debug_every_event_is(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "labd.events"):
        told.tell([event("job.timed_out", job=1), event("daemon.started", pid=1)])
    assert [record.getMessage() for record in caplog.records] == ["job 1 timed out", "daemon.started"]


def test_a_lost_job_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "labd.events"):
        told.tell([event("job.lost", "its shim was killed", job=1)])
    assert caplog.records[0].levelno == logging.WARNING
