"""The curves of an attempt's metrics, read from its reports: any size of file in bounded memory."""

import os
from collections.abc import Callable, Collection
from typing import Any

import trio

from labd.jobs.reports import FILE, MAX_METRICS, Report, read_raw
from labd.jobs.series import Series

MAX_SERIES = 64
"""Metrics of one answer."""

MAX_POINTS = 2000
"""Points of one metric in one answer."""

_readers = trio.CapacityLimiter(2)
"""How many files are read at once, by everybody together."""


class Curves:
    """What a file of reports becomes: a series for each metric in *names*, or for the first ones."""

    def __init__(self, names: Collection[str] | None, points: int) -> None:
        self._wanted, self._points = names, points
        self._step = -1.0
        self.names: dict[str, None] = {}
        self.series: dict[str, Series] = {}

    def take(self, report: Report) -> None:
        """One more report. Without a step its metrics stand one after the last."""
        if not report.metrics:
            return
        self._step = report.step if report.step is not None else self._step + 1
        for name, value in report.metrics.items():
            if name not in self.names and len(self.names) < MAX_METRICS:
                self.names[name] = None
            if (series := self._series(name)) is not None:
                series.add(self._step, report.time or None, value)

    def _series(self, name: str) -> Series | None:
        if name in self.series:
            return self.series[name]
        if name not in self._wanted if self._wanted is not None else len(self.series) >= MAX_SERIES:
            return None
        return self.series.setdefault(name, Series(self._points))

    def as_map(self) -> dict[str, Any]:
        """As it travels."""
        series = {name: series.as_map() for name, series in self.series.items()}
        return {"names": list(self.names), "series": series}


async def read(folder: str, names: Collection[str] | None, points: int) -> Curves:
    """The curves of the attempt in *folder*, up to the present end of its reports, in a thread."""
    return await trio.to_thread.run_sync(
        _read, folder, names, points, trio.from_thread.check_cancelled, limiter=_readers
    )


def _read(folder: str, names: Collection[str] | None, points: int, check: Callable[[], None]) -> Curves:
    curves, offset, size = Curves(names, points), 0, _size(folder)
    while offset < size:
        check()  # whoever asked may have gone
        reports, end, _ = read_raw(folder, offset)
        for report in reports:
            curves.take(report)
        if end == offset:
            break
        offset = end
    return curves


def _size(folder: str) -> int:
    try:
        return os.stat(os.path.join(folder, FILE)).st_size
    except OSError:
        return 0
