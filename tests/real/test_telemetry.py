"""Spans of a real daemon's jobs, received over HTTP; and a collector that is not there."""

import json
from collections.abc import Callable

import pytest

from tests.daemon_process import DaemonProcess
from tests.receiver import Receiver
from tests.support import wait_until

pytestmark = pytest.mark.real


def settings(receiver: Receiver) -> list[str]:
    return [f"telemetry.endpoint=http://127.0.0.1:{receiver.port}", "telemetry.timeout=60s"]


def spans_of(receiver: Receiver) -> list[dict]:
    return [
        span
        for body in list(receiver.got)
        for resource in body["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def test_each_attempt_arrives_as_a_span(make_daemon: Callable[..., DaemonProcess]) -> None:
    with Receiver(200) as receiver:
        daemon = make_daemon(*settings(receiver)).start()
        job = daemon.shell("exit 3", name="train", retries=1, retry_delay=0.0)
        daemon.ended(job)
        wait_until(lambda: len(spans_of(receiver)) == 6)
        whole = [span for span in spans_of(receiver) if span["name"] == "job train"]
        assert len({span["traceId"] for span in whole}) == 1
        assert all(int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]) for span in whole)
        assert {"key": "process.exit.code", "value": {"intValue": "3"}} in whole[0]["attributes"]
        assert receiver.headers[0]["Content-Type"] == "application/json"
        checks = {check["name"]: check for check in daemon.call("daemon.doctor")["checks"]}
        assert checks["telemetry"]["state"] == "ok"


def test_a_collector_that_hangs_or_is_gone_hurts_nothing(make_daemon: Callable[..., DaemonProcess]) -> None:
    with Receiver(None) as receiver:
        daemon = make_daemon(*settings(receiver)).start()
        daemon.ended(*[daemon.submit("/bin/true") for _ in range(5)])
        wait_until(lambda: receiver.asked)
        assert daemon.kill(15) == 0  # though the request hangs for a minute
    daemon.start()
    daemon.ended(daemon.submit("/bin/true"))

    def check() -> dict:
        return {check["name"]: check for check in daemon.call("daemon.doctor")["checks"]}["telemetry"]

    wait_until(lambda: check()["state"] == "warn")
    assert "lost" in check()["message"]
    assert json.dumps(daemon.call("daemon.status"))


def test_an_endpoint_is_taken_up_by_a_reload(make_daemon: Callable[..., DaemonProcess]) -> None:
    with Receiver(200) as receiver:
        daemon = make_daemon().start()
        daemon.config.write_text(f'[telemetry]\nendpoint = "http://127.0.0.1:{receiver.port}"\n')
        daemon.call("daemon.reload")
        daemon.ended(daemon.submit("/bin/true"))
        wait_until(lambda: spans_of(receiver))
