"""Spans of attempts, and the thread that sends them."""

import threading
from typing import Any

import msgspec
import pytest

from labd.api.jobs import JobSpec
from labd.api.node import Event
from labd.config.telemetry import Telemetry
from labd.daemon.telemetry import exporter, spans
from labd.daemon.telemetry.exporter import Exporter
from labd.daemon.telemetry.spans import Origin
from labd.jobs.model import Job, Tasks
from tests.support import wait_until

ORIGIN = Origin("here", "0.1.0", "e1")
JOB = Job(
    id=7, uid=1, gid=1, user="ann", spec=JobSpec(argv=("x",), cwd="/", name="train", cpus=2.0),
    environment="", submitted=100.0,
)  # fmt: skip


def event(seq: int, time: float, kind: str, **data: Any) -> Event:
    return Event(seq, time, kind, "labd", "exit code 3" if kind == "job.failed" else "", {"job": 7, **data})


LOG = [
    event(1, 100.0, "job.submitted"),
    event(2, 110.0, "job.starting", attempt=1),
    event(3, 111.0, "job.started", attempt=1, started=110.5),
    event(4, 120.0, "job.failed", attempt=1, ended=119.5, exit_code=3, again=True),
    event(5, 120.0, "job.queued"),
    event(6, 130.0, "job.starting", attempt=2),
    event(7, 131.0, "job.started", attempt=2, started=130.5),
    event(8, 140.0, "job.succeeded", attempt=2, ended=139.5, exit_code=0),
]


def times(span: dict[str, Any]) -> tuple[float, float]:
    return int(span["startTimeUnixNano"]) / 1e9, int(span["endTimeUnixNano"]) / 1e9


def test_an_attempt_is_a_span_with_its_wait_and_its_run():
    whole, queued, run = spans.of_attempt(JOB, LOG[3], LOG, "e1")
    assert [times(span) for span in (whole, queued, run)] == [(100.0, 119.5), (100.0, 110.5), (110.5, 119.5)]
    assert (whole["name"], queued["name"], run["name"]) == ("job train", "queued", "run")
    assert queued["parentSpanId"] == run["parentSpanId"] == whole["spanId"]
    assert whole["status"] == {"code": 2, "message": "exit code 3"}
    found = {one["key"]: one["value"] for one in whole["attributes"]}
    assert found["labd.job.id"] == {"intValue": "7"}
    assert found["labd.job.cpus"] == {"doubleValue": 2.0}
    assert found["labd.job.again"] == {"boolValue": True}
    assert found["process.exit.code"] == {"intValue": "3"}


def test_the_second_attempt_is_in_the_same_trace_and_waits_since_the_first_ended():
    first, second = (spans.of_attempt(JOB, LOG[n], LOG, "e1") for n in (3, 7))
    assert times(second[0]) == (120.0, 139.5)
    assert second[0]["status"] == {"code": 1}
    assert {span["traceId"] for span in first + second} == {first[0]["traceId"]}
    assert len({span["spanId"] for span in first + second}) == 6
    assert (len(first[0]["traceId"]), len(first[0]["spanId"])) == (32, 16)


def test_what_never_ran_has_no_run_and_arrays_and_waiting_jobs_have_no_span():
    end = event(4, 120.0, "job.cancelled", attempt=1)
    assert [span["name"] for span in spans.of_attempt(JOB, end, LOG[:2], "e1")] == ["job train", "queued"]
    assert spans.of_attempt(JOB, event(4, 120.0, "job.cancelled", attempt=0), LOG[:1], "e1") == []
    assert spans.of_attempt(msgspec.structs.replace(JOB, tasks=Tasks(count=2)), LOG[3], LOG, "e1") == []


def test_a_request_says_who_sends_it():
    [found] = spans.request([{"name": "x"}], ORIGIN)["resourceSpans"]
    about = {one["key"]: one["value"]["stringValue"] for one in found["resource"]["attributes"]}
    assert (about["service.name"], about["host.name"], about["service.instance.id"]) == ("labd", "here", "e1")
    assert found["scopeSpans"][0]["spans"] == [{"name": "x"}]


def test_what_cannot_be_sent_is_counted_and_the_next_is_tried():
    answers = [OSError("refused"), None]
    seen = []

    def send(settings: Telemetry, body: bytes) -> None:
        seen.append(body)
        if (answer := answers.pop(0)) is not None:
            raise answer

    sender = Exporter(ORIGIN, send)
    sender.put([{"name": "a"}])
    wait_until(lambda: sender.statistics() == (0, 1, "refused"))
    sender.put([{"name": "b"}])
    wait_until(lambda: sender.statistics() == (1, 1, ""))
    assert b'"b"' in seen[1]


def test_a_collector_that_hangs_holds_nobody_up(monkeypatch):
    monkeypatch.setattr(exporter, "ROOM", 10)
    hang = threading.Event()
    sender = Exporter(ORIGIN, lambda settings, body: hang.wait() and None)
    sender.put([{"name": "first"}])
    wait_until(sender._waiting.empty)
    sender.put([{"name": str(n)} for n in range(25)])
    assert sender.statistics().dropped == 15
    hang.set()


@pytest.mark.parametrize("settings", [{"endpoint": "localhost:4318"}, {"endpoint": "http://a b"}])
def test_an_endpoint_is_an_address_of_the_web(settings):
    with pytest.raises(msgspec.ValidationError, match="begins with"):
        msgspec.convert(settings, Telemetry)
