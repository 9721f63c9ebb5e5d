"""The client's side of one connection, without I/O: calls in flight and subscriptions.

The drivers share it and add only the waiting. Whatever :meth:`Exchange.feed` returns is to be sent.
Replies find their call by id, in any order. A reply to a call that was given up is ignored, since the two
cross on the way; a reply to what was never asked breaks the protocol. Id 0 is never asked: an error with
that id is the daemon's farewell, the reason why it is about to close the connection.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from labd.errors import LabdError, ProtocolError, UsageError, from_wire
from labd.wire.faults import again, closed
from labd.wire.messages import PROTOCOL, Notice, Reply, Request
from labd.wire.session import Session, encode
from labd.wire.subscription import Subscription

FAREWELL = 0
"""The id of the reply with which the daemon says why it hangs up."""

NOTICES_KEPT = 1000

Then = Callable[[LabdError | None, Any], None]
"""Called once with the error or with the result of a call."""


class _Call(NamedTuple):
    method: str
    then: Then


class ExchangeStatistics(NamedTuple):
    calls: int
    in_flight: int
    late_replies: int
    subscriptions: int


class Exchange:
    """One connection to the daemon at *where*, which the messages of errors name."""

    def __init__(self, where: str, session: Session | None = None) -> None:
        self.where = where
        self.failed: LabdError | None = None
        self.notices: deque[Notice] = deque(maxlen=NOTICES_KEPT)
        self._session = session or Session.for_replies()
        self._calls: dict[int, _Call] = {}
        self._feeds: dict[int, tuple[Subscription, Callable[[], None]]] = {}
        self._last_id = 0
        self._late = 0

    def call(self, method: str, params: dict[str, Any] | None, then: Then) -> tuple[int, bytes]:
        """A request whose outcome goes to *then*: its id and bytes. A failed exchange refuses it."""
        if self.failed is not None:
            raise again(self.failed)
        try:
            self._last_id, data = self._session.request(method, params or {})
        except (TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"the parameters of {method} cannot be sent: {error}") from error
        self._calls[self._last_id] = _Call(method, then)
        return self._last_id, data

    def notice(self, method: str, params: dict[str, Any] | None) -> bytes:
        """A notice to the daemon. A failed exchange refuses it."""
        if self.failed is not None:
            raise again(self.failed)
        return encode(Notice(method, params or {}))

    def hello(self, client: str, then: Then) -> tuple[int, bytes]:
        """The first request of a connection; *then* gets the daemon's answer, or why it will not do."""

        def answered(error: LabdError | None, result: Any) -> None:
            error = error or _unfit(result)
            then(error, result)

        return self.call("hello", {"client": client, "version": "", "protocol": PROTOCOL}, answered)

    def give_up(self, number: int) -> bytes:
        """Wait no longer for the call *number*: the notice that tells the daemon, if it still works on it."""
        if self._calls.pop(number, None) is None:
            return b""
        return encode(Notice("cancel", {"id": number}))

    def subscribe(self, feed: Subscription, wake: Callable[[], None], then: Then) -> tuple[int, bytes]:
        """Subscribe, or resume, *feed*; *wake* is called when it has events and when the exchange fails."""

        def answered(error: LabdError | None, result: Any) -> None:
            if error is None:
                feed.started(result)
                self._feeds[result["subscription"]] = (feed, wake)
            then(error, result)

        params = feed.start() if feed.id is None else feed.resume()
        return self.call("subscribe", params, answered)

    def unsubscribe(self, feed: Subscription) -> bytes:
        """The request that ends *feed*; nobody waits for its answer. Nothing, if it does not live here."""
        if not self._carries(feed):
            return b""
        del self._feeds[feed.id or 0]
        return self.call("unsubscribe", {"subscription": feed.id}, lambda error, result: None)[1]

    def credit(self, feed: Subscription) -> bytes:
        """The notice that gives back what the consumer of *feed* took, when it is worth a message."""
        return self._credit(feed, feed.due()) if self._carries(feed) else b""

    def feed(self, data: bytes) -> bytes:
        """Take what was read (nothing: the daemon closed) and return what is to be sent."""
        if self.failed is not None:
            return b""
        if not data:
            self.fail(closed(self.where))
            return b""
        try:
            return b"".join([self._route(message) for message in self._session.feed(data)])
        except ProtocolError as error:
            self.fail(ProtocolError(error.message, hint=f"is it labd that listens at {self.where}?"))
            return b""

    def fail(self, error: LabdError) -> None:
        """End the exchange: every call in flight gets *error*, every later one too."""
        if self.failed is not None:
            return
        self.failed = error
        calls, self._calls = self._calls, {}
        for call in calls.values():
            call.then(again(error, f" ({call.method} was not answered)"), None)
        feeds, self._feeds = self._feeds, {}
        for _, wake in feeds.values():
            wake()

    def statistics(self) -> ExchangeStatistics:
        """Calls made, those in flight, replies that came too late, subscriptions."""
        return ExchangeStatistics(self._last_id, len(self._calls), self._late, len(self._feeds))

    def _route(self, message: Request | Reply | Notice) -> bytes:
        if isinstance(message, Reply):
            self._reply(message)
            return b""
        if isinstance(message, Request):
            raise ProtocolError(f"the daemon sent a request ({message.method:.40}), which only clients do")
        if message.method not in ("event", "lagged"):
            self.notices.append(message)
            return b""
        return self._event(message)

    def _reply(self, reply: Reply) -> None:
        error = None if reply.error is None else from_wire(reply.error)
        if reply.id == FAREWELL and error is not None:
            self.fail(error)
        elif reply.id == FAREWELL or reply.id > self._last_id:
            raise ProtocolError(f"the daemon answered a request that was never made: id {reply.id}")
        elif (call := self._calls.pop(reply.id, None)) is None:
            self._late += 1
        else:
            self._settle(call, error, reply.result)

    def _settle(self, call: _Call, error: LabdError | None, result: Any) -> None:
        try:
            call.then(error, result)
        except ProtocolError as broken:
            call.then(again(broken), None)
            raise

    def _event(self, notice: Notice) -> bytes:
        number = notice.params.get("subscription")
        feed, wake = self._feeds.get(number, (None, None)) if type(number) is int else (None, None)
        if feed is None or wake is None:
            return b""  # it was ended while this was on its way
        credit = 0
        if notice.method == "event":
            credit = feed.on_events(notice.params.get("events"))
        else:
            feed.on_lagged(notice.params.get("first"), notice.params.get("last"))
        wake()
        return self._credit(feed, credit)

    def _credit(self, feed: Subscription, events: int) -> bytes:
        return encode(Notice("credit", {"subscription": feed.id, "events": events})) if events else b""

    def _carries(self, feed: Subscription) -> bool:
        return feed.id is not None and self._feeds.get(feed.id, (None,))[0] is feed


def _unfit(hello: Any) -> LabdError | None:
    """Why this client cannot work with the daemon that answered *hello*."""
    protocol = hello.get("protocol") if isinstance(hello, dict) else None
    if protocol == PROTOCOL:
        return None
    return ProtocolError(
        f"labd speaks protocol {protocol!r:.40}, this client protocol {PROTOCOL}",
        hint="use the labctl that was installed with that labd, or restart labd after an upgrade",
    )
