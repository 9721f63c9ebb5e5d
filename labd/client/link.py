"""A connection that outlives the daemon: calls that may be made twice wait until it is back."""

import threading
import time
from collections.abc import Iterator
from typing import Any

from labd.errors import Unreachable
from labd.paths import client_socket
from labd.wire.blocking import Client as Wire

FIRST_PAUSE, LAST_PAUSE = 0.05, 2.0
"""Seconds between two tries to connect."""


class Link:
    """Calls methods of the daemon at *socket* (None: the usual one). For any number of threads: each call
    has a connection of its own while it is made, and connections are kept for the next. Not *patient*, no
    call waits for a daemon that is gone.
    """

    def __init__(self, socket: str | None = None, *, patient: bool = True) -> None:
        self._patient = patient
        self.path = client_socket(socket)
        self._idle: list[Wire] = [Wire(self.path, name="labd.client")]
        self._turn = threading.Lock()
        self._closed = False

    def call(self, method: str, params: dict[str, Any] | None = None, *, patient: bool = True) -> Any:
        """The answer. Without a daemon it waits for one, unless it is not *patient*; then Unreachable."""
        pause = FIRST_PAUSE
        while True:
            try:
                return self._once(method, params)
            except (Unreachable, ConnectionError):
                if not (patient and self._patient) or self._closed:
                    raise
            time.sleep(pause)
            pause = min(pause * 2, LAST_PAUSE)

    def follow(self, method: str, params: dict[str, Any] | None = None) -> Iterator[Any]:
        """What the daemon says before it answers *method*, over a connection of its own. Never twice."""
        with Wire(self.path, name="labd.client") as wire:
            for notice in wire.follow(method, params):
                yield notice.params

    def close(self) -> None:
        """End every connection that nobody uses."""
        self._closed = True
        with self._turn:
            idle, self._idle = self._idle, []
        for wire in idle:
            wire.close()

    def _once(self, method: str, params: dict[str, Any] | None) -> Any:
        with self._turn:
            wire = self._idle.pop() if self._idle else None
        wire = wire or Wire(self.path, name="labd.client")
        try:
            answer = wire.call(method, params)
        except (Unreachable, ConnectionError, KeyboardInterrupt):
            wire.close()
            raise
        except BaseException:
            self._keep(wire)
            raise
        self._keep(wire)
        return answer

    def _keep(self, wire: Wire) -> None:
        with self._turn:
            if not self._closed:
                self._idle.append(wire)
                return
        wire.close()
