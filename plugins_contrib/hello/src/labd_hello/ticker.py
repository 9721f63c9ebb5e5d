"""A service: publishes ``hello.tick`` once per interval, for as long as labd runs."""

from typing import Any

import trio

from labd.api import Node


class Ticker:
    """Counts its ticks; *interval* is seconds."""

    def __init__(self, node: Node, interval: float) -> None:
        self._node = node
        self._interval = interval
        self._count = 0

    async def run(self, *, task_status: trio.TaskStatus[Any]) -> None:
        """Tick until cancelled. labd restarts it should it ever fail; the count goes on."""
        began = self._node.clock.boot()
        task_status.started()
        while True:
            await trio.sleep(self._interval)
            self._count += 1
            up = self._node.clock.boot() - began
            await self._node.events.publish("hello.tick", {"count": self._count, "up": up})
            self._node.log.debug("tick %d", self._count)
