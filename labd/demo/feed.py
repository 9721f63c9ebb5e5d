"""Events of a daemon, brought by a thread of their own, so that the screen can move between them."""

import queue
import threading
from typing import Any

from labd.errors import LabdError
from labd.wire.blocking import Client

PATIENCE = 10.0
"""Seconds that the daemon may take to answer."""


class Feed:
    """What happens to jobs after event *since*. Ends when the daemon goes."""

    def __init__(self, socket: str, since: int) -> None:
        self._events: queue.SimpleQueue[dict[str, Any] | BaseException] = queue.SimpleQueue()
        thread = threading.Thread(target=self._read, args=(socket, since), name="events", daemon=True)
        thread.start()

    def next(self, timeout: float) -> dict[str, Any] | None:
        """The next event, or None when there is none for *timeout* seconds.

        Raises what ended the feed: Unreachable when the daemon went.
        """
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(event, BaseException):
            raise event
        return event

    def _read(self, socket: str, since: int) -> None:
        try:
            with Client(socket, PATIENCE, name="labd demo") as client:
                for event in client.events(["job.*"], since):
                    self._events.put(event)
        except (LabdError, OSError) as error:
            self._events.put(error)
