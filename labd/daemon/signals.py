"""What signals mean: TERM and INT stop, a second one hurries, HUP reloads."""

import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

import trio

log = logging.getLogger("labd.signals")

Receive = Callable[..., AbstractContextManager[AsyncIterator[int]]]


class Signals:
    """A task that turns signals into calls.

    ``stop(name of the signal)`` and ``hurry(name)`` are plain functions; ``await reload()`` may take its
    time and may raise: the error is logged and the daemon goes on as it was. *receive* stands in for
    :func:`trio.open_signal_receiver`.
    """

    def __init__(
        self,
        *,
        stop: Callable[[str], None],
        hurry: Callable[[str], None],
        reload: Callable[[], Awaitable[object]],
        receive: Receive = trio.open_signal_receiver,
    ) -> None:
        self._next = stop
        self._again = hurry
        self._reload = reload
        self._receive = receive
        self._reloading = trio.Lock()

    async def run(self, *, task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen until cancelled. It must outlive the stopping, or nobody could hurry that."""
        with self._receive(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as arriving:
            async with trio.open_nursery() as nursery:
                task_status.started()
                async for number in arriving:
                    self._take(number, nursery)

    def _take(self, number: int, nursery: trio.Nursery) -> None:
        name = signal.Signals(number).name
        if number == signal.SIGHUP:
            nursery.start_soon(self._try_reload, name="reload")
            return
        act, self._next = self._next, self._again
        log.info("got %s", name)
        act(name)

    async def _try_reload(self) -> None:
        async with self._reloading:
            try:
                await self._reload()
            except Exception as error:
                log.error("reload failed, nothing is changed: %s", error)  # noqa: TRY400 - not a defect of labd
