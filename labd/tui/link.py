"""Keeps the store true: events as they come, snapshots where events do not say enough.

Nothing polls. Events say what is stale; it is asked for at most once a second, and less often when the
answer takes long, so that a busy daemon is not made busier by those who watch.
"""

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Any

from labd.cli.view import ACTIVE, WAITING
from labd.errors import LabdError
from labd.tui.store import LinkState, Store
from labd.wire.aio import Client, Feed
from labd.wire.aio_link import Connect, connect_unix

TOPICS = ("*", "machine.sampled")
"""Everything; and samples of the machine, which must be asked for by name."""

PAGE = 500
"""Jobs in one answer: what is taken in between two frames."""

HEAD = 100
"""Jobs that wait whose reasons are kept fresh."""

MOST = 150_000
"""Jobs that are loaded at the start; the newest."""

EVENTS = 200
"""Old events that are loaded at the start."""

PAUSE = 1.0
"""Seconds between two questions about what is stale, at least."""

SHARE = 20
"""So many times what the answer took is waited before the next question."""

EVERYTHING = frozenset({"status", "plugins", "maps", "queue"})


class Link:
    """*wake* is called when the store has something new to draw."""

    def __init__(
        self, store: Store, path: str, wake: Callable[[], None], connect: Connect = connect_unix
    ) -> None:
        self.store, self.path, self.wake = store, path, wake
        self._connect = connect
        self._client: Client | None = None
        self._feed: Feed | None = None
        self._epoch = ""
        self._news = asyncio.Event()
        self._cut = False

    async def run(self) -> None:
        """Connect, follow, ask; again and again, until cancelled."""
        client = Client(self.path, 60.0, name="labd-tui", on_state=self._turned, connect=self._connect)
        self._client = client
        try:
            async with client:
                self._tell()
                await asyncio.gather(self._follow(client), self._keep_up(client))
        finally:
            self._client = None

    async def call(
        self, method: str, params: dict[str, Any] | None = None, timeout: float | None = None
    ) -> Any:
        """The answer of the daemon. Raises LabdError; Unreachable while there is none."""
        if self._client is None:
            raise LabdError("the link to labd is not up yet")
        return await self._client.call(method, params, timeout)

    async def answered(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """As :meth:`call`, but it waits for a daemon that is gone: for what may be asked twice."""
        client = self._client
        while client is not None:
            await client.wait_state("up")
            try:
                return await client.call(method, params)
            except LabdError:
                if client.state == "up":
                    raise
        raise LabdError("the link to labd has ended")

    def failed(self, error: LabdError) -> None:
        """Take what the way to labd says of its failure, which is more than the socket knows."""
        self.store.linked(self.store.link._replace(error=error.message, hint=error.hint or ""))
        self.wake()

    def refresh(self) -> None:
        """Ask for everything again."""
        self._ask("all")

    # -- the connection --------------------------------------------------------------------------

    def _turned(self, state: str) -> None:
        if state == "up":
            self._ask("all" if self._epoch else "first")
        self._tell()

    def _tell(self) -> None:
        client = self._client
        assert client is not None, "the client tells, so there is one"
        up = client.state == "up"
        resumed = self.store.link.resumed
        if not up and self.store.link.up:
            resumed = self.store.last
        error = "" if up or client.error is None else client.error.message
        hint = "" if up or client.error is None else client.error.hint or ""
        self.store.linked(LinkState(up, error, hint, client.connections, resumed))
        self.wake()

    async def _follow(self, client: Client) -> None:
        """Take events for ever."""
        while True:
            self._feed = client.events(TOPICS)
            try:
                async for event in self._feed:
                    self.store.take(event)
                    if self.store.stale:
                        self._news.set()
                    self.wake()
            except LabdError as error:  # the subscription was refused
                self.store.linked(self.store.link._replace(error=error.message))
                self.wake()
            await asyncio.sleep(PAUSE)

    # -- what is asked for -----------------------------------------------------------------------

    def _ask(self, *topics: str) -> None:
        self.store.stale.update(topics)
        self._news.set()

    async def _keep_up(self, client: Client) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await client.wait_state("up")
            topics, begun = self._take_stale(), time.monotonic()
            try:
                await self._fetch(client, topics)
            except LabdError:
                self.store.stale |= topics  # the link says why; it is asked for again when it is up
                await client.wait_state("up")
                self._news.set()
            await asyncio.sleep(
                max(PAUSE, SHARE * (time.monotonic() - begun) if topics <= EVERYTHING else PAUSE)
            )

    def _take_stale(self) -> set[str]:
        topics = set(self.store.stale)
        self.store.stale.clear()
        return topics

    async def _fetch(self, client: Client, topics: set[str]) -> None:
        epoch = str(client.hello.get("epoch"))
        whole = epoch != self._epoch or bool(topics & {"all", "first"})
        if epoch != self._epoch:
            self.store.forget()
        for topic in sorted(EVERYTHING if whole else topics, key=_order):
            await self._part(client, topic)
        if whole:
            await self._load(client)
        self._epoch = epoch

    async def _part(self, client: Client, topic: str) -> None:
        if topic == "status":
            self.store.put("status", await client.call("daemon.status"))
        elif topic == "queue":
            await self._queue(client)
        elif topic == "plugins":
            self.store.put("plugins", (await client.call("plugin.list"))["plugins"])
        elif topic == "maps":
            await self._maps(client)
        self.wake()

    async def _queue(self, client: Client) -> None:
        """What runs, and what is next, as the daemon sees it: its estimates and reasons."""
        active = await client.call("job.list", {"states": ACTIVE, "limit": PAGE})
        self.store.put_jobs(active["jobs"])
        waiting = await client.call("job.list", {"states": WAITING, "limit": HEAD, "order": "start"})
        self.store.put_queue(waiting["jobs"])

    async def _maps(self, client: Client) -> None:
        try:
            found = await client.call("map.list", {"limit": 500})
        except LabdError:
            found = {"maps": []}  # the plugin is not loaded
        self.store.put_maps(found["maps"])

    async def _load(self, client: Client) -> None:
        """All events and jobs that are kept here, the newest first."""
        self.store.loading = True
        gc.disable()  # a collection looks at all jobs, and holds everything up meanwhile
        try:
            self.store.put_events((await client.call("event.list", {"limit": EVENTS}))["events"])
            before: int | None = None
            for _ in range(MOST // PAGE):
                ask = {"limit": PAGE} if before is None else {"limit": PAGE, "before": before}
                found = (await client.call("job.list", ask))["jobs"]
                self.store.put_jobs(found)
                self.wake()
                if len(found) < PAGE:
                    break
                before = found[-1]["id"]
        finally:
            gc.enable()
            gc.freeze()  # what is loaded stays, and none of it is in a circle
            self.store.loading = False
            self.store.touch("jobs")
            self.wake()


def _order(topic: str) -> int:
    return ("status", "queue", "maps", "plugins").index(topic) if topic in EVERYTHING else 9
