"""What running jobs report of themselves: progress and metrics, read from ``report.ndjson``.

The file is the truth: a job appends a line to it (:func:`labd.report`), whether the daemon is there or
not. Here it is followed while the attempt runs, so that the newest values are at hand.
"""

import json
import math
import os
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import msgspec
import trio

from labd.errors import Overloaded
from labd.jobs.eta import Pace
from labd.jobs.watch import MODIFY, Event, Watch, Watcher

FILE = "report.ndjson"
MAX_LINE = 65_536
MAX_READ = 65_536 + 4096
MAX_METRICS = 256
"""Names of metrics that are kept of one attempt."""

MAX_ARTIFACTS = 256
"""Results that are kept of one attempt."""

Path = Annotated[str, msgspec.Meta(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]


class Artifact(msgspec.Struct):
    """A result: ``path`` is absolute or relative to the job's folder, ``size`` in bytes if it is known."""

    path: Path
    name: str = ""
    size: int | None = None


class Report(msgspec.Struct):
    """One line of the file. ``progress`` is 0 to 1, ``time`` Unix seconds (0: it has none)."""

    time: float = 0.0
    progress: float | None = None
    step: float | None = None
    metrics: dict[str, float | None] = {}
    message: str = ""
    artifact: Artifact | None = None


class Latest(msgspec.Struct):
    """The newest of everything that one attempt has said."""

    attempt: int
    progress: float | None = None
    metrics: dict[str, float] = {}
    message: str = ""
    artifacts: dict[str, Artifact] = {}
    pace: Pace = msgspec.field(default_factory=Pace)

    def take(self, report: Report) -> None:
        if report.progress is not None and 0 <= report.progress <= 1:
            self.progress = report.progress
            self.pace.add(report.time, report.progress)
        for name, value in report.metrics.items():
            if (
                value is not None
                and math.isfinite(value)
                and (name in self.metrics or len(self.metrics) < MAX_METRICS)
            ):
                self.metrics[name] = value
        self.message = report.message or self.message
        result = report.artifact
        if result is not None and (result.path in self.artifacts or len(self.artifacts) < MAX_ARTIFACTS):
            self.artifacts[result.path] = result


_decoder = msgspec.json.Decoder(Report)


def parse(data: bytes) -> tuple[list[Report], int]:
    """The reports in *data* and how many bytes were whole lines; a broken line is passed over."""
    whole = data.rfind(b"\n") + 1
    reports = []
    for line in data[:whole].splitlines():
        if len(line) > MAX_LINE:
            continue
        try:
            reports.append(_decoded(line))
        except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
            continue  # a job may write anything there; what is not a report says nothing
    return reports, whole


def _decoded(line: bytes) -> Report:
    """One line; NaN and Infinity, which JSON does not have and many libraries write, are "no value"."""
    try:
        return _decoder.decode(line)
    except msgspec.DecodeError:
        if b"NaN" not in line and b"Infinity" not in line:
            raise
        return msgspec.convert(json.loads(line, parse_constant=lambda _: None), Report)


def read(folder: str, offset: int = 0) -> tuple[list[Report], int]:
    """The reports of an attempt from byte *offset* on, and where to go on.

    A report without a time gets that of the last change of the file.
    """
    reports, end, changed = read_raw(folder, offset)
    for report in reports:
        report.time = report.time or changed
    return reports, end


def read_raw(folder: str, offset: int = 0) -> tuple[list[Report], int, float]:
    """The same as the job wrote it, and when the file was last changed. Reads a bounded part: it blocks."""
    try:
        with open(os.path.join(folder, FILE), "rb") as file:
            file.seek(offset)
            data, changed = file.read(MAX_READ), os.fstat(file.fileno()).st_mtime
    except OSError:
        return [], offset, 0.0
    reports, whole = parse(data)
    if not whole and len(data) > MAX_LINE:
        whole = len(data)  # one endless line: not a report, and not read again
    return reports, offset + whole, changed


def summary(folder: str, attempt: int) -> Latest:
    """The newest of everything that an attempt which has ended said. Reads the whole file: it blocks."""
    latest, offset = Latest(attempt), 0
    while True:
        reports, end = read(folder, offset)
        for report in reports:
            latest.take(report)
        if end == offset:
            return latest
        offset = end


class Reports:
    """Follows the report files of running attempts."""

    def __init__(self, watcher: Watcher, told: Callable[[int, dict[str, Any]], None]) -> None:
        self._watcher = watcher
        self._told = told
        self._latest: dict[int, Latest] = {}
        self._offsets: dict[int, int] = {}
        self._watches: dict[int, Watch] = {}

    def latest(self, job: int) -> Latest | None:
        """What the running attempt of *job* said last."""
        return self._latest.get(job)

    def follow(self, job: int, attempt: int, folder: str) -> None:
        self.forget(job)
        self._latest[job] = Latest(attempt)
        self._offsets[job] = 0
        try:
            path = os.path.join(folder, FILE)
            self._watches[job] = self._watcher.add(path, MODIFY, partial(self._more, job, folder))
        except (OSError, Overloaded):
            return  # the folder is gone, or the kernel has no watch left: what is said is read at the end
        self._more(job, folder)

    def forget(self, job: int) -> None:
        self._latest.pop(job, None)
        self._offsets.pop(job, None)
        watch = self._watches.pop(job, None)
        if watch is not None:
            watch.close()

    def _more(self, job: int, folder: str, event: Event | None = None) -> None:
        if job not in self._offsets:
            return
        before = self._offsets[job]
        reports, self._offsets[job] = read(folder, before)
        if self._offsets[job] > before:  # there may be more: after the others had their turn
            trio.lowlevel.current_trio_token().run_sync_soon(self._more, job, folder)
        latest = self._latest[job]
        for report in reports:
            latest.take(report)
        if reports:
            self._told(job, {"job": job, "attempt": latest.attempt} | msgspec.to_builtins(reports[-1]))
