"""The service: remembers how the last jobs ended."""

from collections import deque
from typing import Any

import trio
from labd.api import Node

ENDS = ("job.succeeded", "job.failed", "job.timed_out", "job.cancelled", "job.lost")


class Watch:
    """Hears of every end of a job, from now on."""

    def __init__(self, node: Node, remember: int) -> None:
        self.node = node
        self._ended: deque[dict[str, Any]] = deque(maxlen=remember)

    def recent(self, limit: int) -> list[dict[str, Any]]:
        """The newest *limit* ends, newest first: ``job``, ``state``, ``time`` (Unix seconds)."""
        return list(self._ended)[::-1][:limit]

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Listen until cancelled. labd starts it again should it ever fail."""
        task_status.started()
        async for event in self.node.events.subscribe(*ENDS):
            state = event.kind.removeprefix("job.")
            self._ended.append({"job": event.data["job"], "state": state, "time": event.time})
            self.node.log.debug("job %d %s", event.data["job"], state)
