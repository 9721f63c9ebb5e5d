"""The thread that sends spans. What it cannot send is dropped and counted: nobody ever waits for it."""

import json
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from labd.config.telemetry import Telemetry
from labd.daemon.telemetry.spans import Origin, Span
from labd.daemon.telemetry.spans import request as body_of

log = logging.getLogger("labd.telemetry")

ROOM = 4096
"""Spans that may wait."""

BATCH = 512
"""Spans in one request."""


class Statistics(NamedTuple):
    """Spans sent and dropped since the start, and why the last request failed (empty: it did not)."""

    sent: int
    dropped: int
    error: str


def post(settings: Telemetry, body: bytes) -> None:
    """One request. Raises OSError (URLError and HTTPError are such), ValueError."""
    from urllib import request  # with http and ssl behind it: only for those who want spans

    class Plain(request.HTTPRedirectHandler):
        """A redirected POST would become a GET; and headers are for the endpoint alone."""

        def redirect_request(self, *_: Any) -> None:
            return None

    headers = {name: secret.reveal() for name, secret in settings.headers.items()}
    headers = {"Content-Type": "application/json", "User-Agent": "labd", **headers}
    ask = request.Request(settings.endpoint.rstrip("/") + "/v1/traces", body, headers, method="POST")
    with request.build_opener(Plain).open(ask, timeout=settings.timeout) as answer:
        answer.read(65_536)


class Exporter:
    """Takes spans from the loop; its thread begins with the first one."""

    def __init__(self, origin: Origin, send: Callable[[Telemetry, bytes], None] = post) -> None:
        self.settings = Telemetry()
        self._origin = origin
        self._send = send
        self._waiting: queue.Queue[Span] = queue.Queue(ROOM)
        self._thread: threading.Thread | None = None
        self._sent = self._dropped = 0
        self._error = ""

    def put(self, spans: list[Span]) -> None:
        """Hand them over, or drop what there is no room for. Cheap."""
        for span in spans:
            try:
                self._waiting.put_nowait(span)
            except queue.Full:
                self._dropped += 1
        if self._thread is None and spans:
            self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
            self._thread.start()

    def statistics(self) -> Statistics:
        return Statistics(self._sent, self._dropped, self._error)

    def _run(self) -> None:
        while True:
            self._deliver(self._batch())

    def _batch(self) -> list[Span]:
        spans = [self._waiting.get()]
        while len(spans) < BATCH:
            try:
                spans.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return spans

    def _deliver(self, spans: list[Span]) -> None:
        try:
            self._send(self.settings, json.dumps(body_of(spans, self._origin)).encode())
        except Exception as failure:  # whatever it is, it is not the daemon's trouble
            self._failed(failure, len(spans))
        else:
            self._sent += len(spans)
            self._error = ""

    def _failed(self, failure: Exception, spans: int) -> None:
        self._dropped += spans
        code = getattr(failure, "code", None)
        why = str(failure) if code is None else f"it answered {code}"
        if not self._error:  # once, not for every batch of a long outage
            log.warning("%d spans are lost, %s: %s", spans, self.settings.endpoint, why)
        self._error = why or type(failure).__name__
