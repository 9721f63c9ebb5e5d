"""A service under the daemon's own supervisor, as fast as a test can look.

Use one of trio's mock clocks (``autojump_clock``): restarts then take no time, and each is waited for as
long as its policy says, without the random part.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from labd.api import Service, ServiceState
from labd.daemon.service_record import ServiceRecord
from labd.daemon.supervisor import Supervisor


class RunningService:
    """What a test sees of a service: what it is now, and what it has been, by trio's clock."""

    def __init__(self, supervisor: Supervisor, history: list[tuple[float, ServiceState]]) -> None:
        self._supervisor = supervisor
        self._history = history
        self.record: ServiceRecord

    @property
    def state(self) -> ServiceState:
        return self.record.state

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return self.record.restarts

    @property
    def last_error(self) -> str:
        """What it raised last, in one line; empty when nothing."""
        return self.record.last_error

    @property
    def history(self) -> tuple[tuple[float, ServiceState], ...]:
        """``(seconds since it was started, state)``, one for each change."""
        first = self._history[0][0]
        return tuple((when - first, state) for when, state in self._history)

    @property
    def delays(self) -> tuple[float, ...]:
        """Seconds that each restart was waited for."""
        pairs = zip(self._history, self._history[1:], strict=False)
        return tuple(end - begin for (begin, state), (end, _) in pairs if state is ServiceState.BACKOFF)

    async def wait(self, *states: ServiceState) -> ServiceState:
        """Wait for one of *states*, and return it. Raises AssertionError once that cannot come any more."""
        waits = {ServiceState.FAILED, ServiceState.STOPPED}
        found = await self.record.wait_for(*states, *waits)
        if found not in states:
            raise AssertionError(f"service {self.record.name} is {found}: {self.last_error or 'it returned'}")
        return found

    async def ready(self) -> None:
        """Wait until it is ready. Raises AssertionError when it ends before."""
        await self.wait(ServiceState.READY)

    async def failed(self) -> str:
        """Wait until it has used up its restarts; what it raised last. Raises AssertionError if it stops."""
        await self.wait(ServiceState.FAILED)
        return self.last_error

    async def stop(self) -> None:
        """Stop it. Raises AssertionError when it outlives its ``stop_timeout``."""
        limit = self.record.service.restart.stop_timeout
        if await self._supervisor.stop(self.record.name):
            raise AssertionError(f"service {self.record.name} did not stop within {limit:g} s")


@asynccontextmanager
async def run_service(service: Service) -> AsyncIterator[RunningService]:
    """Run *service* as the daemon would, and stop it at the end of the block.

    Raises AssertionError when it does not stop within its ``stop_timeout``; in virtual time that is told
    once it did. A service that swallows its cancellation for ever hangs the test, as it would the daemon.
    """
    history: list[tuple[float, ServiceState]] = []

    def changed(record: ServiceRecord, old: ServiceState) -> None:
        history.append((trio.current_time(), record.state))

    caught: BaseException | None = None
    async with trio.open_nursery() as nursery:
        supervisor = Supervisor(nursery, jitter=lambda: 1.0, now=trio.current_time, on_change=changed)
        running = RunningService(supervisor, history)
        running.record = supervisor.start(service, "labd.testing")
        try:
            yield running
            await running.stop()
        except BaseException as error:  # the nursery would wrap it in a group; it goes on below
            caught = error
        nursery.cancel_scope.cancel(reason="the test has ended")
    if caught is not None:
        raise caught
