"""One client: requests in, replies and events out, and nothing it does can hurt anybody else.

At most ``max_requests`` requests of a client are in work; more are refused. A client that does not read
its answers for ``send_timeout`` seconds is dropped.
"""

import logging
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import msgspec
import trio

from labd.api.methods import Call, Peer
from labd.daemon.dispatch import Dispatcher, cancellable
from labd.daemon.events import Bus
from labd.daemon.params import checked
from labd.daemon.subscriptions import Subscribe, Subscriptions
from labd.errors import InternalError, LabdError, Overloaded, ProtocolError, UsageError
from labd.wire import arrays
from labd.wire.messages import MAX_FRAME, PROTOCOL, Notice, Reply, Request
from labd.wire.session import Session, encode

log = logging.getLogger("labd.rpc")

READ = 65_536

FAREWELL = 1.0
"""Seconds to tell a client why it has to go."""

_numbers = count(1)


class Connection:
    """Serves one stream until either side has enough."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        peer: Peer,
        dispatcher: Dispatcher,
        bus: Bus,
        identity: dict[str, Any],
        *,
        max_requests: int = 64,
        max_frame: int = MAX_FRAME,
        send_timeout: float = 30.0,
        drain: float = 0.0,
        gone: Callable[[int], Awaitable[None]] | None = None,
    ) -> None:
        self.peer = peer
        self.number = next(_numbers)
        self._stream = stream
        self._dispatcher = dispatcher
        self._identity = identity
        self._session = Session(max_frame=max_frame)
        self._max_requests = max_requests
        self._in_work = 0
        self._sending = trio.StrictFIFOLock()
        self._send_timeout = send_timeout
        self._drain = drain
        self._gone = gone
        self._lasting: set[trio.CancelScope] = set()
        self._settled = trio.Event()
        self._scopes: dict[int, trio.CancelScope] = {}
        self._subscriptions = Subscriptions(bus, self._identity["epoch"], self.notify)

    async def run(self) -> None:
        """Serve until the end of the stream. Never raises for what a peer does.

        Cancelled, it reads nothing more, and lets calls that last end and their answers leave.
        """
        try:
            async with self._stream, trio.open_nursery() as nursery:
                try:
                    await self._read_all(nursery)
                except trio.Cancelled:
                    await self._see_off()
                    raise
                finally:
                    for call in self._lasting:
                        call.cancel(reason="nobody waits for it any more, or it took too long")
                    await trio.aclose_forcefully(self._stream)
                nursery.cancel_scope.cancel(reason="the client has gone, or is told to go")
        except* (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            log.debug("connection %d broke", self.number)
        finally:
            if self._gone is not None:
                await self._gone(self.number)

    async def _see_off(self) -> None:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + self._drain):
            while self._lasting:
                self._settled = trio.Event()
                await self._settled.wait()

    async def notify(self, method: str, params: dict[str, Any]) -> None:
        """Send a notice to the client."""
        await self._send(Notice(method, params))

    async def _read_all(self, nursery: trio.Nursery) -> None:
        while data := await self._stream.receive_some(READ):
            try:
                messages = self._session.feed(bytes(data))
            except ProtocolError as error:
                log.info("connection %d of %s closed: %s", self.number, self.peer.name, error)
                await farewell(self._stream, error)
                return
            for message in messages:
                if isinstance(message, Request):
                    await self._take(message, nursery)
                elif isinstance(message, Notice):
                    self._noticed(message)

    async def _take(self, request: Request, nursery: trio.Nursery) -> None:
        if self._in_work >= self._max_requests:
            # answered by the reader itself: whoever does not take the answer is not read from either
            error = Overloaded(f"{self._max_requests} requests of this client are in work, the limit")
            await self._send(Reply(request.id, error.as_wire(), None))
            return
        self._in_work += 1
        serve = self._serve_to_the_end if self._dispatcher.lasts(request.method) else self._serve
        nursery.start_soon(serve, request, nursery, name=f"rpc {request.method}")

    async def _serve_to_the_end(self, request: Request, nursery: trio.Nursery) -> None:
        """Also while labd stops; see :meth:`_see_off`."""
        with trio.CancelScope(shield=True) as scope:
            self._lasting.add(scope)
            try:
                await self._serve(request, nursery)
            finally:
                self._lasting.discard(scope)
                self._settled.set()

    async def _serve(self, request: Request, nursery: trio.Nursery) -> None:
        scope = self._scopes[request.id] = trio.CancelScope()
        try:
            result = await self._result(request, scope, nursery)
            reply = Reply(request.id, None, result)
        except LabdError as error:
            reply = Reply(request.id, error.as_wire(), None)
        finally:
            self._scopes.pop(request.id, None)
        try:
            await self._send(reply)
        finally:
            self._in_work -= 1

    async def _result(self, request: Request, scope: trio.CancelScope, nursery: trio.Nursery) -> Any:
        if request.method == "hello":
            return self._hello(request.params)
        if request.method == "ping":
            return {}
        if request.method == "subscribe":
            return self._subscriptions.open(
                checked("subscribe", request.params, Subscribe), self.peer, nursery
            )
        if request.method == "unsubscribe":
            return self._subscriptions.close(request.params.get("subscription"))
        call = Call(self.peer, request.method, self.notify, self.number)
        return await cancellable(scope, self._dispatcher, call, request.params)

    def _hello(self, params: dict[str, Any]) -> dict[str, Any]:
        theirs = params.get("protocol", PROTOCOL)
        if theirs != PROTOCOL:
            raise UsageError(
                f"the client speaks protocol {theirs!r}, this labd speaks {PROTOCOL}",
                hint="use the labctl that came with this labd",
            )
        user = {"uid": self.peer.uid, "name": self.peer.name}
        return self._identity | {"protocol": PROTOCOL, "user": user, "role": self.peer.role.name.lower()}

    def _noticed(self, notice: Notice) -> None:
        if notice.method == "cancel":
            number = notice.params.get("id")
            scope = self._scopes.get(number) if isinstance(number, int) else None
            if scope is not None:
                scope.cancel(reason="cancelled by the caller")
        elif notice.method == "credit":
            self._subscriptions.credit(notice.params)

    async def _send(self, message: Reply | Notice) -> None:
        data = self._encoded(message)
        async with self._sending:
            # shielded: half a message would make nonsense of all that follows it
            with trio.move_on_after(self._send_timeout, shield=True) as scope:
                await self._stream.send_all(data)
        if scope.cancelled_caught:
            await trio.aclose_forcefully(self._stream)
            raise trio.BrokenResourceError("the client does not read its answers")

    def _encoded(self, message: Reply | Notice) -> bytes:
        try:
            return encode(message, default=_portable)
        except (TypeError, ValueError, OverflowError) as error:
            if not isinstance(message, Reply):
                raise
            log.exception("the answer to request %d cannot be sent", message.id)
            fault = InternalError(f"the answer cannot be sent: {error}").as_wire()
            return encode(Reply(message.id, fault, None))


async def farewell(stream: trio.abc.SendStream, error: LabdError) -> None:
    """Tell a client why it is hung up on, as the reply to no request (number 0), if it still listens."""
    try:
        with trio.move_on_after(FAREWELL):
            await stream.send_all(encode(Reply(0, error.as_wire(), None)))
    except (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
        log.debug("a client did not wait for the reason")


def _portable(value: Any) -> Any:
    """Structs travel as maps; numpy arrays as themselves."""
    return msgspec.structs.asdict(value) if isinstance(value, msgspec.Struct) else arrays.convert(value)
