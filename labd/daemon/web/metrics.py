"""``/metrics``: labd in numbers, as Prometheus asks for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from labd.api.http import Response
from labd.daemon.web import exposition
from labd.daemon.web.exposition import Family, Sample, counter, gauge, histograms
from labd.daemon.web.meters import Meters

if TYPE_CHECKING:
    from labd.daemon.app import Daemon
    from labd.http.server import Server, Tally


class Metrics:
    """The page."""

    def __init__(self, daemon: Daemon, meters: Meters, tally: Tally) -> None:
        self._daemon, self._meters, self._tally = daemon, meters, tally
        self.server: Server | None = None

    async def answer(self, request: Any) -> Response:
        """All of them, as they stand."""
        body = exposition.text(self.families()).encode()
        return Response(body, content_type=exposition.CONTENT_TYPE)

    def families(self) -> Iterator[Family]:
        yield from self._about()
        yield from self._jobs()
        yield from self._resources()
        yield from self._store()
        yield from self._calls()
        yield from self._http()
        yield from process()
        yield from self._daemon.wiring.families()

    def _about(self) -> Iterator[Family]:
        status = self._daemon.control.status()
        about = {"version": str(status["labd"]), "epoch": str(status["epoch"])}
        yield Family("labd_build_info", "gauge", "Version of labd and of its log.", [Sample(1, about)])
        yield gauge("labd_uptime_seconds", "Time since the start.", status["uptime"])
        yield gauge("labd_stopping", "1 while labd is stopping.", int(status["state"] != "running"))
        yield gauge("labd_events_last", "Number of the last event.", self._daemon.bus.last)
        yield Family(
            "labd_plugin_state", "gauge", "1 for the state of each plugin.",
            [Sample(1, {"plugin": r.name, "state": r.state}) for r in self._daemon.setup.registry.records],
        )  # fmt: skip
        yield Family(
            "labd_service_restarts_total", "counter", "Restarts of services.",
            [Sample(s["restarts"], {"service": s["name"]}) for s in status["services"]],
        )  # fmt: skip
        yield histograms("labd_loop_lag_seconds", "How late the loop is.", [({}, self._meters.loop)])
        stalls = status["stalls"]
        yield counter("labd_loop_stalls_total", "Times that a task held the loop.", stalls["stalls"])

    def _jobs(self) -> Iterator[Family]:
        counts = self._daemon.desk.counts()
        yield Family(
            "labd_jobs", "gauge", "Jobs in each state.",
            [Sample(n, {"state": state}) for state, n in sorted(counts.items())],
        )  # fmt: skip
        yield Family(
            "labd_job_events_total", "counter", "Events of jobs since the start.",
            [Sample(n, {"kind": kind}) for kind, n in sorted(self._meters.job_events.items())],
        )  # fmt: skip
        yield histograms(
            "labd_job_queue_wait_seconds", "From submission to start.", [({}, self._meters.waits)]
        )
        yield histograms("labd_job_run_seconds", "How long attempts ran.", [({}, self._meters.runs)])

    def _resources(self) -> Iterator[Family]:
        found = self._daemon.ledger.statistics()
        for what, unit, has, held in (
            ("cores", "", found.cores, found.cores_held),
            ("memory", "_bytes", found.memory, found.memory_held),
            ("gpus", "", len(found.gpus), len(found.gpus_held)),
        ):
            yield gauge(f"labd_{what}{unit}", f"What the ledger has of {what}.", has)
            yield gauge(f"labd_{what}_held{unit}", f"What is held of {what}.", held)
        yield Family(
            "labd_gpu_assigned", "gauge", "1 for a GPU that somebody holds.",
            [Sample(int(bool(d.held)), {"gpu": str(d.index), "uuid": d.uuid}) for d in found.devices],
        )  # fmt: skip
        yield Family(
            "labd_gpu_healthy", "gauge", "1 for a GPU that is well.",
            [Sample(int(d.health == "ok"), {"gpu": str(d.index), "uuid": d.uuid}) for d in found.devices],
        )  # fmt: skip

    def _store(self) -> Iterator[Family]:
        found = self._daemon.store.statistics()
        yield gauge("labd_store_up", "1 while the store takes changes.", int(found.state == "open"))
        yield Family(
            "labd_store_commit_seconds", "summary", "How long commits take; the median of the last 256.",
            [
                Sample(found.median_commit, {"quantile": "0.5"}), Sample(found.commit_seconds, {}, "_sum"),
                Sample(found.commits, {}, "_count"),
            ],
        )  # fmt: skip
        yield counter("labd_store_changes_total", "Changes committed.", found.changes)
        yield counter("labd_store_failures_total", "Commits that failed.", found.failures)
        yield gauge("labd_store_queue_length", "Changes that wait for a commit.", found.queued)
        yield gauge("labd_store_file_bytes", "Size of the database.", found.file_bytes)

    def _calls(self) -> Iterator[Family]:
        meters = self._meters
        yield Family(
            "labd_rpc_requests_total", "counter", "Calls of methods, on the socket and over HTTP.",
            [Sample(n, {"method": m, "code": code}) for (m, code), n in sorted(meters.calls.items())],
        )  # fmt: skip
        found = [({"method": method}, one) for method, one in sorted(meters.call_seconds.items())]
        yield histograms("labd_rpc_request_seconds", "How long calls took.", found)
        yield gauge("labd_connections", "Clients of the socket.", self._daemon.server.connections)

    def _http(self) -> Iterator[Family]:
        tally = self._tally
        yield Family(
            "labd_http_requests_total", "counter", "HTTP requests; 499 for clients that left.",
            [
                Sample(n, {"method": method, "route": route, "status": str(status)})
                for (method, route, status), n in sorted(tally.requests.items())
            ],
        )  # fmt: skip
        found = [({"route": route}, one) for route, one in sorted(tally.seconds.items())]
        yield histograms("labd_http_request_seconds", "How long HTTP requests took.", found)
        yield Family(
            "labd_http_refused_total", "counter", "What was no HTTP, or came too late.",
            [Sample(n, {"status": str(status)}) for status, n in sorted(tally.refusals.items())],
        )  # fmt: skip
        if self.server is not None:
            yield gauge("labd_http_connections", "HTTP clients.", self.server.connections)
            yield counter(
                "labd_http_connections_refused_total", "HTTP clients over the limit.", self.server.refused
            )


def process() -> Iterator[Family]:
    """Memory, time, descriptors and threads of this process, under the names that all exporters use."""
    times = os.times()
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    yield counter("process_cpu_seconds_total", "Processor time.", times.user + times.system)
    yield gauge("process_resident_memory_bytes", "Memory.", pages * os.sysconf("SC_PAGESIZE"))
    yield gauge("process_open_fds", "Open file descriptors.", len(os.listdir("/proc/self/fd")) - 1)
    yield gauge("process_threads", "Threads.", len(os.listdir("/proc/self/task")))
