"""Keeps services running: a nursery per attempt, and systemd's restart policy between attempts.

A service that raises, exits or hangs while starting touches nobody else. Only a critical one that
gives up ends the daemon, by :class:`ServiceGaveUp`. Layers of services are in
:mod:`labd.daemon.layers`.
"""

import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import trio

from labd.api import Service, ServiceState
from labd.api.backoff import Backoff
from labd.daemon.faults import one_line, split
from labd.daemon.owner import LABD, OWNER
from labd.daemon.service_record import ServiceRecord
from labd.errors import Conflict, DeadlineExceeded, InternalError, NotFound

log = logging.getLogger("labd.supervisor")

INNERMOST = sys.maxsize
"""The layer of services that are started at run time: they are stopped first."""

HURRY = 1.0
"""Seconds that a layer still gets once somebody has lost patience."""

OnChange = Callable[[ServiceRecord, ServiceState], None]


class ServiceGaveUp(InternalError):
    """A critical service failed more often than its policy allows."""

    title = "a part of labd does not run"


class SupervisorStatistics(NamedTuple):
    """How many services there are, by state, and how often any was restarted."""

    services: int
    starting: int
    ready: int
    backoff: int
    failed: int
    stopped: int
    restarts: int


class Supervisor:
    """Runs services as tasks of *nursery*.

    *jitter* gives numbers in [0, 1) for the delays, *now* Unix seconds for ``since``. *on_change* is
    told of every change of state (the first is from starting to starting); it must not block.
    """

    def __init__(
        self,
        nursery: trio.Nursery,
        *,
        jitter: Callable[[], float] = random.random,
        now: Callable[[], float] = time.time,
        on_change: OnChange | None = None,
    ) -> None:
        self._nursery = nursery
        self._jitter = jitter
        self._now = now
        self._on_change = on_change
        self._records: dict[str, ServiceRecord] = {}
        self._waits: set[trio.CancelScope] = set()
        self._hurried = False
        self.shielding = False
        """True while layers run: cancelling the nursery then stops no service out of turn."""

    @property
    def records(self) -> tuple[ServiceRecord, ...]:
        """Every service ever started, the latest record of each name, in order of first start."""
        return tuple(self._records.values())

    def record(self, name: str) -> ServiceRecord:
        """The record of one service. Raises NotFound."""
        try:
            return self._records[name]
        except KeyError:
            raise NotFound(f"there is no service {name!r}") from None

    def start(self, service: Service, owner: str = LABD, *, layer: int = INNERMOST) -> ServiceRecord:
        """Start *service* now and return its record at once. Raises Conflict while one of that name lives."""
        old = self._records.get(service.name)
        if old is not None and old.live:
            raise Conflict(f"a service {service.name!r} of {old.owner} is already running")
        record = ServiceRecord(service, owner, layer, self._now)
        self._records[service.name] = record
        self._nursery.start_soon(self._supervise, record, name=f"supervise {service.name}")
        return record

    async def stop(self, *names: str, reason: str = "stopped by request") -> tuple[str, ...]:
        """Stop the named services together; returns the names that outlived their ``stop_timeout``.

        Waits for the longest of the timeouts, also when the caller is cancelled. Raises NotFound.
        """
        records = [record for record in map(self.record, names) if record.live]
        limit = max((record.service.restart.stop_timeout for record in records), default=0.0)
        with trio.move_on_after(min(limit, HURRY) if self._hurried else limit, shield=True) as wait:
            self._waits.add(wait)
            for record in records:
                record.scope.cancel(reason=reason)
            for record in records:
                await record.wait_ended()
        self._waits.discard(wait)
        return tuple(self._complain(record, limit) for record in records if record.live)

    def hurry(self) -> None:
        """Shorten every wait for services that are stopping to :data:`HURRY` seconds."""
        self._hurried = True
        for wait in self._waits:
            wait.deadline = min(wait.deadline, trio.current_time() + HURRY)

    def statistics(self) -> SupervisorStatistics:
        """The services in numbers, now."""
        states = Counter(record.state.value for record in self.records)
        by_state = {state.value: states[state.value] for state in ServiceState}
        restarts = sum(record.restarts for record in self.records)
        return SupervisorStatistics(services=len(self._records), restarts=restarts, **by_state)

    async def _supervise(self, record: ServiceRecord) -> None:
        OWNER.set(record.owner)
        try:
            with record.scope:
                record.scope.shield = self.shielding
                await self._keep_running(record)
        finally:
            if record.state is not ServiceState.FAILED:
                self._move(record, ServiceState.STOPPED)
            record.end()

    async def _keep_running(self, record: ServiceRecord) -> None:
        policy = record.service.restart
        backoff = Backoff(policy, self._jitter)
        while True:
            self._move(record, ServiceState.STARTING)
            fault, good_for = await self._attempt(record)
            await trio.lowlevel.checkpoint_if_cancelled()  # what failed while being stopped is stopped
            if fault is None and policy.when != "always":
                return
            if fault is not None and policy.when == "never":
                break
            delay = backoff.delay(trio.current_time(), good_for)
            if delay is None:
                break
            self._move(record, ServiceState.BACKOFF)
            await trio.sleep(delay)
            record.restarts += 1
        self._give_up(record)

    async def _attempt(self, record: ServiceRecord) -> tuple[BaseException | None, float]:
        """Run once; what went wrong, if anything, and for how many seconds it had been ready."""
        ready: float | None = None
        try:
            async with trio.open_nursery() as nursery:
                await _start(nursery, record.service)
                ready = trio.current_time()
                self._move(record, ServiceState.READY)
        except BaseException as error:  # a plugin may well raise SystemExit
            passing, fault = split(error)
            if fault is not None:
                self._note(record, fault)
            if passing is not None:
                raise passing from None
        else:
            fault = None
        return fault, 0.0 if ready is None else trio.current_time() - ready

    def _note(self, record: ServiceRecord, fault: BaseException) -> None:
        record.last_error = one_line(fault)
        log.error("service %s: %s", record.name, record.last_error, exc_info=fault)

    def _give_up(self, record: ServiceRecord) -> None:
        self._move(record, ServiceState.FAILED)
        last = record.last_error or "it ended too often"
        message = f"service {record.name} gave up after {record.restarts} restarts: {last}"
        log.error("%s", message)
        if record.service.critical:
            raise ServiceGaveUp(message, hint="the log has the whole error")

    def _complain(self, record: ServiceRecord, limit: float) -> str:
        log.error("service %s did not stop within %g s", record.name, limit)
        return record.name

    def _move(self, record: ServiceRecord, state: ServiceState) -> None:
        old = record.state
        record.move(state)
        if self._on_change is None:
            return
        try:
            self._on_change(record, old)
        except Exception:  # whoever listens must not bring down whoever runs
            log.exception("cannot tell that service %s is %s", record.name, state.value)


async def _start(nursery: trio.Nursery, service: Service) -> None:
    limit = service.restart.start_timeout
    with trio.move_on_after(limit) as scope:
        await nursery.start(service.run, name=service.name)
    if scope.cancelled_caught:
        raise DeadlineExceeded(f"service {service.name} was not ready after {limit:g} s")
