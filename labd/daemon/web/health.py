"""``/healthz`` and ``/readyz``: does labd live, and is it to be given work?"""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from labd.api.http import Response

PATIENCE = 5.0
"""Seconds that a proof of health may take."""

FRESH = 1.0
"""Seconds for which a proof counts: anybody may ask, and each proof writes."""


class Health:
    """The pages. *prove* raises unless the store answers; *reasons* are those not to give labd work."""

    def __init__(self, prove: Callable[[], Awaitable[None]], reasons: Callable[[], list[str]]) -> None:
        self._prove, self._reasons = prove, reasons
        self._proved = float("-inf")
        self._turn = trio.Lock()

    async def live(self, request: Any) -> Response:
        """200 while the loop turns and the store answers."""
        async with self._turn:
            if trio.current_time() - self._proved > FRESH and (fault := await self._fault()):
                return Response.json({"status": "failing", "reason": fault}, 503)
        return Response.json({"status": "ok"})

    async def _fault(self) -> str:
        with trio.move_on_after(PATIENCE):
            try:
                await self._prove()
            except Exception:
                return "the store does not answer"
            self._proved = trio.current_time()
            return ""
        return f"the store did not answer within {PATIENCE:g} s"

    async def ready(self, request: Any) -> Response:
        """200 while labd takes new work, else 503 with the reasons."""
        reasons = self._reasons()
        return Response.json({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)
