"""``job.usage``: what was used of the machine, and by whom."""

from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from labd.api.methods import Call, Method, Role
from labd.errors import UsageError
from labd.jobs import accounts
from labd.jobs.decide import Clocks
from labd.store.writer import Store

MAX_ROWS = 5000


class Usage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    by: Literal["user", "group", "name", "tag", "day"] = "user"
    since: Annotated[float, Meta(ge=0, le=1e11)] | None = None
    until: Annotated[float, Meta(ge=0, le=1e11)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_ROWS)] = 1000


class UsageMethods:
    """The handlers. As with the list of jobs, whoever may see one sees those of all users."""

    def __init__(self, store: Store, clock: Clocks) -> None:
        self._store = store
        self._clock = clock

    def all(self) -> list[Method]:
        what = "What jobs held of the machine, and how well they used it."
        return [Method("job.usage", self.usage, Usage, Role.VIEW, what)]

    async def usage(self, call: Call, ask: Usage) -> dict[str, Any]:
        now = self._clock.wall()
        since, until = ask.since or 0.0, now if ask.until is None else min(ask.until, now)
        if since > until:
            raise UsageError(f"job.usage: since ({since:g}) is after until ({until:g})")
        query = partial(accounts.used, by=ask.by, since=since, until=until, now=now)
        rows, total = await self._store.read_slow(query)
        return {
            "by": ask.by,
            "since": since,
            "until": until,
            "rows": rows[: ask.limit],
            "left_out": max(0, len(rows) - ask.limit),
            "total": total,
        }
