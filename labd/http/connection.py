"""One client: its requests one after the other, each within its time, in one task.

What goes wrong is told to the client in a word, never as a traceback, and stays here.
"""

import logging
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, Protocol

import msgspec
import trio

from labd.errors import InternalError, LabdError
from labd.http import target, writing
from labd.http.exchange import Exchange
from labd.http.limits import Limits
from labd.http.parser import Head, Parser
from labd.http.refusal import Refusal, as_json, status_of

log = logging.getLogger("labd.http")

READ = 65_536
AHEAD = 262_144
"""Bytes of further requests that are taken while one is in work."""

FAREWELL = 2.0
"""Seconds for a client to read why it is hung up on."""

LEFT = 499
"""In counts: the client left before it was answered."""

GONE = (trio.BrokenResourceError, trio.ClosedResourceError)

_numbers = count(1_000_000_000)  # apart from those of the control socket


class Handler(Protocol):
    """What answers requests: :meth:`Exchange.respond` or :meth:`Exchange.start` and :meth:`Exchange.send`."""

    async def __call__(self, exchange: Exchange, /) -> None: ...


class Tally(Protocol):
    """Who counts. *status* is 499 when the client left before it heard anything."""

    def answered(self, exchange: Exchange, status: int, seconds: float) -> None: ...

    def refused(self, status: int) -> None: ...


class Connection:
    """Serves one stream until either side has enough; *origin* is what the kernel says of the peer."""

    def __init__(
        self,
        stream: trio.abc.HalfCloseableStream,
        handle: Handler,
        limits: Limits,
        tally: Tally,
        *,
        origin: Any = None,
        gone: Callable[[int], Awaitable[None]] | None = None,
        parser: Parser | None = None,
    ) -> None:
        self.number = next(_numbers)
        self.origin = origin
        self.parser = parser or Parser(limits)
        self.closing = False
        self.idle = True
        self._stream, self._handle, self._limits = stream, handle, limits
        self._tally, self._gone = tally, gone
        self._scope = trio.CancelScope()
        self._exchange: Exchange | None = None
        self._late = 0
        self._answer_by = 0.0
        self._given: Head | None = None

    async def run(self) -> None:
        """Serve until the end. Never raises for what a client or a handler does."""
        try:
            async with self._stream:
                await self._serve()
        except GONE:
            log.debug("connection %d broke", self.number)
        finally:
            if self._gone is not None:
                await self._gone(self.number)

    async def run_one(self, head: Head) -> bool:
        """Serve the one request that *head* begins; whether there may be another. Never raises, as run."""
        self._given = head
        try:
            return await self._serve()
        except GONE:
            log.debug("connection %d broke", self.number)
            return False

    def drain(self) -> None:
        """No further requests: the one in work is the last."""
        self.closing = True
        if self.idle or (self._exchange is not None and self._exchange.endless):
            self._late = 0
            self._scope.cancel(reason="labd is stopping")

    async def _serve(self) -> bool:
        """Serve until the end, or the one request that was given; whether there may be another."""
        once, again = self._given is not None, False
        try:
            with self._scope:
                while (again := await self._one()) and not once:
                    pass
        except LabdError as error:
            await self._farewell(error)
            return False
        if self._scope.cancelled_caught and self._late:
            await self._farewell(Refusal(self._late, "that took too long", hint="see the limits in [http]"))
        return again and not self._scope.cancelled_caught

    # -- one request -----------------------------------------------------------------------------

    async def _one(self) -> bool:
        """Read and answer one request; whether there may be another."""
        self._exchange = None
        head, self._given = self._given or await self._next_head(), None
        if head is None:
            return False
        self.idle = False
        began = trio.current_time()
        exchange = self._exchange = self._begin(head, began)
        try:
            await self._answer(exchange)
        finally:
            status = exchange.status or self._late or LEFT
            self._tally.answered(exchange, status, trio.current_time() - began)
        return await self._finish(exchange)

    async def _next_head(self) -> Head | None:
        """The next head, None when there will be none."""
        self.idle = not self.parser.pending
        self._within(self._limits.idle_time if self.idle else self._limits.head_time, 0 if self.idle else 408)
        if not self.idle:
            await trio.lowlevel.checkpoint()  # who sends many requests at once lets others have a turn
        while (head := self.parser.head()) is None:
            if not await self._fill() or (self.idle and self.closing):
                return None
            if self.idle and self.parser.pending:
                self.idle = False
                self._within(self._limits.head_time, 408)
        self.idle = False
        return head

    def _begin(self, head: Head, now: float) -> Exchange:
        self._answer_by = now + self._limits.request_time
        self._until(self._answer_by, 504)
        found = target.read(head.method, head.target)
        host = head.headers.get(b"host")
        if found.authority is not None and host is not None and found.authority.lower() != host.lower():
            raise Refusal(400, "the URL of the request and its Host field differ")
        return Exchange(self, head, found, self._limits.body)

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self._handle(exchange)
            if not exchange.done:
                raise InternalError(f"{exchange.route or exchange.path} gave no whole answer")
        except LabdError as error:
            await self._tell(exchange, error)
        except Exception as error:
            if _only(error, GONE):
                raise trio.BrokenResourceError("the client has left") from error
            log.exception("%s %s failed", exchange.method, exchange.path)
            hint = "the daemon's log has the traceback"
            await self._tell(exchange, InternalError("the request could not be answered", hint=hint))

    async def _tell(self, exchange: Exchange, error: LabdError) -> None:
        """Answer with *error*; half an answer that went before can only be cut off."""
        if exchange.started:
            log.warning("%s %s was cut off: %s", exchange.method, exchange.path, error)
            raise trio.BrokenResourceError("the answer was cut off")
        if isinstance(error, Refusal) and error.close:
            exchange.keep_alive = False
        await exchange.respond(status_of(error), _fields(error), msgspec.json.encode(as_json(error)))

    async def _finish(self, exchange: Exchange) -> bool:
        """Make way for the next request; what is left of the body is thrown away."""
        if exchange.keep_alive:
            while await self.piece():
                pass
            return True
        await self._linger()
        return False

    # -- the stream ------------------------------------------------------------------------------

    async def piece(self) -> bytes:
        """The next piece of the body of the present request, ``b""`` at its end."""
        while (piece := self.parser.body()) is None:
            self._until(min(trio.current_time() + self._limits.stall_time, self._answer_by), 408)
            if not await self._fill():
                raise trio.BrokenResourceError("the client left in the middle of its request")
            self._until(self._answer_by, 504)
        return piece

    async def send(self, data: bytes) -> None:
        """Send *data*, within the time that a client has to take it."""
        self._within(self._limits.stall_time, 0)
        await self._stream.send_all(data)
        started = self._exchange is not None and self._exchange.started
        self._until(float("inf") if started else self._answer_by, 504)

    async def wait_end(self) -> None:
        """Wait until the client has left; what it sends meanwhile is kept for later."""
        while self.parser.pending < AHEAD:
            try:
                if not await self._fill():
                    return
            except GONE:
                return
        await trio.sleep_forever()

    async def _fill(self) -> bool:
        data = await self._stream.receive_some(READ)
        self.parser.receive(data)
        return bool(data)

    # -- time and end ----------------------------------------------------------------------------

    def _within(self, seconds: float, status: int) -> None:
        self._until(trio.current_time() + seconds, status)

    def _until(self, deadline: float, status: int) -> None:
        """From now on the client hears *status* (0: nothing) at *deadline*, and is hung up on."""
        self._late = status
        self._scope.deadline = deadline

    async def _farewell(self, error: LabdError) -> None:
        """Say why, if nothing has been said yet, and hang up."""
        if self._exchange is not None and self._exchange.started:
            return
        if self._exchange is None:
            self._tally.refused(status_of(error))
        body = msgspec.json.encode(as_json(error))
        ours = b"connection: close\r\ncontent-length: %d\r\n" % len(body)
        with trio.move_on_after(FAREWELL):
            await self._stream.send_all(writing.head(status_of(error), _fields(error), ours) + body)
        await self._linger()

    async def _linger(self) -> None:
        """Let the client read the last answer: closing over unread bytes would take it away again."""
        with trio.move_on_after(FAREWELL):
            await self._stream.send_eof()
            for _ in range(64):
                if not await self._stream.receive_some(READ):
                    return


def _fields(error: LabdError) -> list[tuple[bytes, bytes]]:
    fields = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    if status_of(error) in (429, 503):
        fields.append((b"retry-after", b"1"))
    return [*fields, *(error.headers if isinstance(error, Refusal) else ())]


def _only(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_only(inner, kinds) for inner in error.exceptions)
    return isinstance(error, kinds)
