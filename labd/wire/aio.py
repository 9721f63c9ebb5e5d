"""The client for asyncio, made for the terminal interface: it stays, while the daemon comes and goes.

One task holds the connection. When it breaks, calls in flight fail, subscriptions wait, and after a pause
that doubles from 0.05 to 5 s the task connects again and resumes them after the last event they got.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from labd.errors import LabdError, Unreachable
from labd.wire.aio_link import Connect, Link, connect_unix
from labd.wire.exchange import ExchangeStatistics
from labd.wire.faults import again, late, left
from labd.wire.messages import Notice
from labd.wire.subscription import WINDOW, Subscription

FIRST_PAUSE, LAST_PAUSE = 0.05, 5.0
"""Seconds between two tries to connect."""

HELLO_TIMEOUT = 10.0
"""Seconds for a daemon to answer its first request."""


class Client:
    """``async with Client(path) as client``: entered after the first try to connect, whatever came of it.

    :attr:`state` is ``"up"`` or ``"down"``, :attr:`error` why it is down; *on_state* is called with the
    state at each change. *timeout* is in seconds, for every call that names none.
    """

    def __init__(
        self,
        path: str,
        timeout: float | None = None,
        *,
        name: str = "labd-aio",
        on_state: Callable[[str], None] | None = None,
        connect: Connect = connect_unix,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.state = "down"
        self.error: LabdError | None = None
        self.hello: dict[str, Any] = {}
        self.connections = 0
        self._path, self._timeout, self._name = path, timeout, name
        self._on_state, self._connect, self._sleep = on_state, connect, sleep
        self._changed = asyncio.Event()
        self._tried = asyncio.Event()
        self._link = Link(path)
        self._feeds: set[Feed] = set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Client":
        self._task = asyncio.create_task(self._stay(), name=f"labd link to {self._path}")
        await self._tried.wait()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the connection, every call and every subscription."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for feed in list(self._feeds):
            feed.fail(left(self._path))

    @property
    def notices(self) -> deque[Notice]:
        """Notices other than events that came on this connection, the newest 1000."""
        return self._link.exchange.notices

    async def call(
        self, method: str, params: dict[str, Any] | None = None, timeout: float | None = None
    ) -> Any:
        """The result of *method*; raises the class of :mod:`labd.errors` that the daemon's error names.

        :class:`Unreachable` at once while the link is down. Cancelling it tells the daemon to stop.
        """
        if self.state != "up":
            raise again(self.error or Unreachable(f"labd at {self._path} is not connected yet"))
        limit = self._timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(limit):
                return await self._link.call(method, params)
        except TimeoutError:
            raise late(self._path, method, limit) from None

    def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        """Send a notice, which has no answer; Unreachable while the link is down."""
        self._link.send(self._link.exchange.notice(method, params))

    def events(
        self,
        topics: Sequence[str],
        since: int | None = None,
        epoch: str | None = None,
        *,
        window: int = WINDOW,
    ) -> "Feed":
        """Events from now on, or after *since* of *epoch*, over any number of connections."""
        feed = Feed(self, Subscription(topics, window, since=since, epoch=epoch))
        self._feeds.add(feed)
        if self.state == "up":
            self._link.subscribe(feed)
        return feed

    async def wait_state(self, state: str) -> None:
        """Return when the link is *state*, ``"up"`` or ``"down"``."""
        while self.state != state:
            await self._changed.wait()

    def statistics(self) -> ExchangeStatistics:
        """Calls, late replies, subscriptions of the present connection."""
        return self._link.exchange.statistics()

    def return_credit(self, feed: "Feed") -> None:
        """Tell the daemon what *feed* took."""
        self._link.send(self._link.exchange.credit(feed.subscription))

    def forget(self, feed: "Feed") -> None:
        """Unsubscribe *feed*."""
        self._feeds.discard(feed)
        self._link.send(self._link.exchange.unsubscribe(feed.subscription))

    async def _stay(self) -> None:
        pause = FIRST_PAUSE
        clock = asyncio.get_running_loop().time
        while True:
            begun = clock()
            await self._live()
            if clock() - begun > pause:  # it held longer than the wait for it: not a daemon that flaps
                pause = FIRST_PAUSE
            await self._sleep(pause * random.uniform(0.8, 1.0))
            pause = min(pause * 2, LAST_PAUSE)

    async def _live(self) -> None:
        """One connection, from its beginning to its end."""
        link = self._link = Link(self._path)
        try:
            async with asyncio.timeout(HELLO_TIMEOUT) as limit:
                await link.open(self._connect)
                link.hello(self._name, lambda error, result: self._greeted(limit, error, result))
                await link.read()
        except TimeoutError:
            link.exchange.fail(late(self._path, "hello", HELLO_TIMEOUT))
        finally:
            link.close()
            self._become("down", link.exchange.failed)

    def _greeted(self, limit: asyncio.Timeout, error: LabdError | None, hello: Any) -> None:
        if error is not None:
            self._link.exchange.fail(error)
            return
        limit.reschedule(None)
        self.hello = hello
        self.connections += 1
        self._become("up", None)
        for feed in self._feeds:
            self._link.subscribe(feed)

    def _become(self, state: str, error: LabdError | None) -> None:
        before, self.state, self.error = self.state, state, error
        self._tried.set()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        if self._on_state is not None and state != before:
            self._on_state(state)


class Feed(AsyncIterator[dict[str, Any]]):
    """The events of one subscription; see :mod:`labd.wire.subscription`. For one consumer."""

    def __init__(self, client: Client, subscription: Subscription) -> None:
        self.subscription = subscription
        self._client = client
        self._news = asyncio.Event()
        self._failure: LabdError | None = None
        self._closed = False

    async def __anext__(self) -> dict[str, Any]:
        while not self.subscription.ready:
            if self._failure is not None:
                raise again(self._failure)
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        event = self.subscription.take()
        self._client.return_credit(self)
        return event

    async def aclose(self) -> None:
        """Unsubscribe; the iteration ends after the events that are ready."""
        self._closed = True
        self._client.forget(self)
        self.wake()

    def fail(self, error: LabdError) -> None:
        """End the iteration with *error*, after the events that are ready."""
        self._failure = error
        self._client.forget(self)
        self.wake()

    def wake(self) -> None:
        """Let the consumer look again."""
        self._news.set()
