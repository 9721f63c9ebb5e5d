"""What blocks goes to one thread. A disk that refuses is asked again, or refuses the request."""

import logging
from collections.abc import Callable
from typing import Any

import trio

from labd.api import Refused
from labd.plugins.fanout.recorder import PAUSE


class Disk:
    """Runs functions that touch files, one at a time."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._turn = trio.CapacityLimiter(1)

    async def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What *function* returns. Raises Refused for an OSError."""
        try:
            return await trio.to_thread.run_sync(function, *arguments, limiter=self._turn)
        except OSError as error:
            raise Refused(f"the disk refuses: {error}", hint="labctl doctor looks at it") from error

    async def keep(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The same, again and again until the disk takes it."""
        while True:
            try:
                return await self.ask(function, *arguments)
            except Refused as error:
                self._log.warning("cannot keep a map: %s; trying again", error.message)
                await trio.sleep(PAUSE)
