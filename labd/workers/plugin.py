"""Workers as one plugin has them: the real :class:`labd.api.Workers`."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from labd.api.services import Restart
from labd.api.workers import ALWAYS, Handler, Listener, WorkerSpec, WorkerState
from labd.errors import LabdError, UsageError
from labd.workers.pool import WorkerPool
from labd.workers.worker import ChildWorker

if TYPE_CHECKING:
    from labd.workers.service import WorkerHouse


class PluginWorkers:
    """Workers on behalf of one plugin."""

    def __init__(self, house: "WorkerHouse", plugin: str, log: logging.Logger) -> None:
        self._house, self._plugin, self._log = house, plugin, log

    @asynccontextmanager
    async def start(
        self,
        spec: WorkerSpec,
        *,
        methods: Mapping[str, Handler] | None = None,
        listen: Listener | None = None,
    ) -> AsyncIterator[ChildWorker]:
        """See :class:`labd.api.Workers`."""
        house = self._house
        await house.check(spec)
        async with house.lease(spec, spec.name or self._plugin) as gpus:
            worker = await house.begin(self._plugin, spec, gpus, methods, listen, self._log)
            try:
                yield worker
            finally:
                await worker.stop()

    @asynccontextmanager
    async def keep(
        self,
        size: int,
        spec: WorkerSpec,
        *,
        restart: Restart = ALWAYS,
        methods: Mapping[str, Handler] | None = None,
        listen: Listener | None = None,
    ) -> AsyncIterator[WorkerPool]:
        """See :class:`labd.api.Workers`."""
        if size < 1:
            raise UsageError(f"worker {spec.target}: a pool of {size} workers is none")
        await self._house.check(spec)
        pool = WorkerPool(spec.name or self._plugin, size, restart)
        scopes = [trio.CancelScope() for _ in range(size)]
        ended = [trio.Event() for _ in range(size)]

        async def slot(number: int) -> None:
            with scopes[number]:
                try:
                    await self._slot(pool, number, spec, methods, listen)
                finally:
                    ended[number].set()

        for number in range(size):
            self._house.nursery.start_soon(slot, number, name=f"pool {pool.name} slot {number}")
        try:
            yield pool
        finally:
            pool.stop()
            for scope in scopes:
                scope.cancel(reason=f"pool {pool.name} is not needed any more")
            with trio.CancelScope(shield=True):
                for event in ended:
                    await event.wait()

    async def _slot(
        self,
        pool: WorkerPool,
        number: int,
        spec: WorkerSpec,
        methods: Mapping[str, Handler] | None,
        listen: Listener | None,
    ) -> None:
        try:
            async with self._house.lease(spec, pool.name) as gpus:

                async def begin(changed: Callable[[], object]) -> ChildWorker:
                    return await self._house.begin(
                        self._plugin, spec, gpus, methods, listen, self._log, changed
                    )

                await pool.keep(number, begin)
        except LabdError as error:
            pool.fail(number, error)
        if pool.state is WorkerState.FAILED:
            self._house.gave_up(self._plugin, pool)
