"""What is known of one service, and how to wait for it."""

from collections.abc import Callable
from typing import Any

import trio

from labd.api import Service, ServiceState


class ServiceRecord:
    """One service: ``name``, ``owner``, ``state``, ``since`` (Unix s), ``restarts``, ``last_error``.

    ``owner`` is ``labd`` or a plugin's name. ``last_error`` is one line, or empty. Only the supervisor
    changes a record.
    """

    def __init__(self, service: Service, owner: str, layer: int, now: Callable[[], float]) -> None:
        self.service = service
        self.name = service.name
        self.owner = owner
        self.layer = layer
        self.state = ServiceState.STARTING
        self.since = now()
        self.restarts = 0
        self.last_error = ""
        self.scope = trio.CancelScope()
        self._now = now
        self._changed = trio.Event()
        self._ended = trio.Event()

    @property
    def live(self) -> bool:
        """True while the supervisor looks after it."""
        return not self._ended.is_set()

    async def wait_for(self, *states: ServiceState) -> ServiceState:
        """Wait until the state is one of *states*, and return it."""
        while self.state not in states:
            await self._changed.wait()
        return self.state

    async def wait_ended(self) -> None:
        """Wait until nothing of the service runs any more."""
        await self._ended.wait()

    def move(self, state: ServiceState) -> None:
        """Take up *state* and wake everybody who waits."""
        self.state, self.since = state, self._now()
        self._changed.set()
        self._changed = trio.Event()

    def end(self) -> None:
        """Say that the supervisor has let go."""
        self._ended.set()

    def describe(self) -> dict[str, Any]:
        """The record as ``labctl`` shows it."""
        return {
            "name": self.name,
            "owner": self.owner,
            "state": self.state.value,
            "since": self.since,
            "restarts": self.restarts,
            "critical": self.service.critical,
            "last_error": self.last_error,
        }
