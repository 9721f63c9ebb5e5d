"""Leases for whoever is not a job: services wait in line here, and are served before the queue."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from labd.api.jobs import JobSpec
from labd.errors import Refused
from labd.jobs.order import request_of
from labd.resources.ledger import Lease, Ledger, Request


class Leases:
    """Grants waiting requests in order, the moment something is given back."""

    def __init__(self, ledger: Ledger, freed: Callable[[], None]) -> None:
        self._ledger = ledger
        self._freed = freed
        self._line: deque[tuple[str, Request, trio.Event]] = deque()
        self._count = 0
        ledger.on_release = self.serve

    @asynccontextmanager
    async def lease(
        self,
        *,
        cpus: float = 0,
        memory: int = 0,
        gpus: float = 0,
        gpu_ids: tuple[int, ...] = (),
        vram: int = 0,
        holder: str,
    ) -> AsyncIterator[Lease]:
        """Wait for and hold resources. Raises Refused when this machine could never grant them."""
        request = request_of(JobSpec(cpus=cpus, memory=memory, gpus=gpus, gpu_ids=gpu_ids, vram=vram))
        if impossible := self._ledger.impossible(request):
            raise Refused(f"{holder} asks for what this machine does not have: {impossible}")
        self._count += 1
        name = f"{holder} #{self._count}"
        await self._wait(name, request)
        try:
            yield next(lease for lease in self._ledger.leases if lease.holder == name)
        finally:
            self._ledger.release(name)

    async def _wait(self, name: str, request: Request) -> None:
        granted = trio.Event()
        place = (name, request, granted)
        self._line.append(place)
        self.serve()
        try:
            await granted.wait()
        except trio.Cancelled:
            self._leave(place)
            raise

    def _leave(self, place: tuple[str, Request, trio.Event]) -> None:
        if place in self._line:
            self._line.remove(place)
        self._ledger.release(place[0])

    def serve(self) -> None:
        """Grant what can be granted now: something was given back, or there is more than there was."""
        while self._line and self._ledger.take_nowait(*self._line[0][:2]) is not None:
            self._line.popleft()[2].set()
        self._freed()
