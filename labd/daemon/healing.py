"""What happens when the store fails: nothing more is acknowledged, and it is tried again until it works.

Memory is ahead of the disk at that moment, so the queue is read anew from what the disk says: at once,
to tell the truth meanwhile, and again when the store is back, as at a start.
"""

import logging
from collections.abc import Callable

import trio

from labd.store.writer import Store

log = logging.getLogger("labd.store")

FIRST_DELAY, MAX_DELAY = 0.25, 5.0
"""Seconds between attempts to open the store again."""


class Healer:
    """The service that watches the store. *reload* makes memory what the disk says."""

    def __init__(
        self, store: Store, reload: Callable[[], None], healed: Callable[[str, float], None]
    ) -> None:
        self._store = store
        self._reload = reload
        self._healed = healed

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        while True:
            await self._store.wait_failed()
            began = trio.current_time()
            cause = self._store.cause.message if self._store.cause else "unknown"
            log.error("nothing can be stored, new work is refused: %s", cause)
            self._try_reload()
            await self._heal()
            log.warning("the store works again after %.1f s", trio.current_time() - began)
            self._healed(cause, trio.current_time() - began)

    def _try_reload(self) -> None:
        try:
            self._reload()
        except Exception as error:  # whatever it is, the healing goes on
            log.warning("the store cannot even be read: %s", error)

    async def _heal(self) -> None:
        """Open the store and read it, again and again until both work."""
        delay = FIRST_DELAY
        while True:
            await trio.sleep(delay)
            try:
                await self._store.reopen()
                self._reload()
            except Exception as error:
                log.info("the store still fails: %s", error)
                delay = min(2 * delay, MAX_DELAY)
            else:
                return
