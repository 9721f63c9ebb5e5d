"""``store.*``: what is kept."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from labd.api.methods import Call, Method, Role
from labd.jobs.collect import Collector


class Collect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dry_run: bool = False
    seconds: Annotated[float, Meta(gt=0, le=3600)] = 10.0


class StoreMethods:
    """The handlers."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def all(self) -> list[Method]:
        what = "Remove what is over the limits of the section [retention], for some seconds."
        return [Method("store.gc", self.gc, Collect, Role.ADMIN, what)]

    async def gc(self, call: Call, ask: Collect) -> dict[str, Any]:
        if ask.dry_run:
            found = await self._collector.would()
        else:
            found = await self._collector.collect(call.peer.name, ask.seconds)
        return {"dry_run": ask.dry_run, "went": found.went, "left": found.left, "kept": found.kept}
