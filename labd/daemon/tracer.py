"""Logs how long the services of a traced plugin take to start, run and stop."""

from collections.abc import Callable

import trio

from labd.api import ServiceState
from labd.daemon.boundary import Boundary
from labd.daemon.service_record import ServiceRecord


class Tracer:
    """Told of every change of a service's state."""

    def __init__(self, boundary: Boundary, now: Callable[[], float] = trio.current_time) -> None:
        self._boundary = boundary
        self._now = now
        self._since: dict[str, float] = {}

    def service_changed(self, record: ServiceRecord, old: ServiceState) -> None:
        """Log how long the old state lasted."""
        now = self._now()
        began = self._since.pop(record.name, now)
        if record.state not in (ServiceState.STOPPED, ServiceState.FAILED):
            self._since[record.name] = now
        if record.state is not old:
            what = f"service {record.name}, {old.value} until {record.state.value},"
            self._boundary.trace(record.owner, what, now - began)
