"""A connection without a task: what can be answered directly is, as soon as its answer is there.

A task, an event or a cancel scope for each request costs more than the request. So a lane is told when its
socket is ready, hands whole requests to a plain function, and is told the answers in any order; they
leave in the order of the requests. What is not direct is given away, to a
:class:`~labd.http.connection.Connection`. No I/O but on the socket that it is given, which never blocks.
"""

from __future__ import annotations

import logging
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from labd.errors import InternalError, LabdError
from labd.http import writing
from labd.http.limits import Limits
from labd.http.parser import Head, Parser
from labd.http.refusal import Refusal, as_json, status_of

log = logging.getLogger("labd.http")

Bytes = bytes | bytearray | memoryview

READ = 65_536
"""Bytes that are read at once; of a larger body more."""

LARGE = 1_048_576
AHEAD = 64
"""Requests of one client that may be in work at once."""

JOIN = 16_384
"""Bytes of an answer that are copied into one piece, and not more."""

LEFT = 499
"""In counts: the client left before it was answered."""


class Ask:
    """One request, complete, and the way to answer it: once, now or later, also after the client has left.

    *gone* is called when nobody waits for the answer any more.
    """

    __slots__ = ("began", "body", "endless", "gone", "head", "lane", "reply", "route", "status")

    def __init__(self, lane: Lane, head: Head, body: Bytes, began: float) -> None:
        self.lane, self.head, self.body, self.began = lane, head, body, began
        self.gone: Callable[[], None] | None = None
        self.reply: list[Bytes] | None = None
        self.status, self.route, self.endless = 0, "", False

    @property
    def method(self) -> str:
        return self.head.method

    def answer(self, status: int, fields: bytes, parts: Sequence[Bytes]) -> None:
        """Answer with the lines *fields* and a body of *parts*; what comes after the first is not sent."""
        if self.status:
            return
        size = sum(map(len, parts))
        close = b"" if self.lane.stays(self) else b"connection: close\r\n"
        head = b"%b%b%bcontent-length: %d\r\n%b\r\n" % (
            writing.status_line(status), writing.date(), fields, size, close,
        )  # fmt: skip
        self.reply = [b"".join((head, *parts))] if size < JOIN else [head, *parts]
        self.status, self.gone, self.body = status, None, b""
        self.lane.answered(self)

    def refuse(self, error: LabdError) -> None:
        """Answer with what *error* says."""
        fields = b"content-type: application/json\r\ncache-control: no-store\r\n"
        if status_of(error) in (429, 503):
            fields += b"retry-after: 1\r\n"
        if isinstance(error, Refusal):
            fields += b"".join(b"%b: %b\r\n" % field for field in error.headers)
        self.answer(status_of(error), fields, [msgspec.json.encode(as_json(error))])


Handler = Callable[[Ask], None]


class Owner(Protocol):
    """Who owns lanes."""

    def direct(self, lane: Lane, head: Head) -> Handler | None:
        """What answers such requests directly; None: a connection of its own does."""
        ...

    def watch(self, lane: Lane, *, readable: bool, writable: bool) -> None:
        """What the lane wants to be told of its socket."""
        ...

    def give_away(self, lane: Lane, head: Head) -> None:
        """Let a connection answer this one request; the lane waits until :meth:`Lane.take_back`."""
        ...

    def closed(self, lane: Lane) -> None:
        """The lane has ended."""
        ...

    def count(self, ask: Ask, status: int, seconds: float) -> None: ...

    def now(self) -> float: ...


class Lane:
    """One client; *origin* is what the kernel says of it."""

    def __init__(self, sock: socket.socket, owner: Owner, limits: Limits, origin: Any = None) -> None:
        self.sock, self.parser, self.limits, self.origin = sock, Parser(limits), limits, origin
        self.closing = self.ended = self.away = False
        self._owner = owner
        self._asks: deque[Ask] = deque()
        self._out: deque[memoryview] = deque()
        self._head: Head | None = None  # the body of this one is being read
        self._waiting: Head | None = None  # this one is given away once all before it is answered
        self._body, self._got = bytearray(), 0
        self._known: tuple[Head, Handler] | None = None
        self._since = owner.now()
        self._readable, self._writable = True, False
        self._last = self._lingers = self._advancing = False

    # -- the socket is ready ---------------------------------------------------------------------

    def ready(self, *, readable: bool, writable: bool) -> None:
        """Read or write, once. Never raises."""
        try:
            if writable:
                self._flush()
            if readable and not self.ended and not self.away:
                self._read()
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self.end()
        except LabdError as error:
            self._refuse(error)
        except Exception:
            log.exception("an HTTP connection failed")
            self.end()

    def _read(self) -> None:
        if not (self._readable or self._lingers):
            self.end()  # nothing is to be read now: so it is the news that the client has left
            return
        if self._head is not None and self._head.length and not self._lingers:
            self._read_body(self._head, self._head.length)
            return
        data = self.sock.recv(READ)
        if not data:
            self.end()
        elif not self._lingers:
            self._take(data)

    def _take(self, data: bytes) -> None:
        known = self._known
        if known is not None and self._head is None and self._waiting is None:
            body = self.parser.same_body(data)
            if body is not None and self.parser.same(data) is known[0]:
                self._begin(known[0], known[1], body)
                return
        if not self.parser.pending:
            self._since = self._owner.now()
        self.parser.receive(data)
        self._advance()
        if self._head is not None or self.parser.pending:
            self._hasten()

    def _hasten(self) -> None:
        """Tell the client at once what is here: one that sends its head by itself waits for that, 40 ms long,
        before it sends the body (Nagle's algorithm, and acknowledgements that are delayed).
        """
        if self.sock.family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _advance(self) -> None:
        """Take whole requests out of what was received. An answer that is there at once asks for this again:
        then the loop that is under way goes on.
        """
        if self._advancing:
            return
        self._advancing = True
        try:
            while not self._last and self._waiting is None and len(self._asks) < AHEAD:
                head = self._head or self.parser.head()
                if head is None or not self._whole(head):
                    break
        finally:
            self._advancing = False
        self._wish()

    def _whole(self, head: Head) -> bool:
        """Begin the request of *head* if all of it is here, or give it away; whether to go on."""
        handler = self._handler(head)
        if handler is None:
            self._waiting = head
            self._hand_over()
            return False
        if self._head is None:
            self._start(head)
        return self._collected(head, handler)

    def _handler(self, head: Head) -> Handler | None:
        if self._known is not None and self._known[0] is head:
            return self._known[1]
        handler = self._owner.direct(self, head)
        self._known = (head, handler) if handler is not None else None
        return handler

    def forget(self) -> None:
        """Who may do what has changed: ask again."""
        self._known = None

    # -- the body --------------------------------------------------------------------------------

    def _start(self, head: Head) -> None:
        if (head.length or 0) > self.limits.body:
            raise Refusal(413, f"the body has more than {self.limits.body} bytes", hint="http.max_body")
        self._head, self._body, self._got = head, bytearray(), 0

    def _collected(self, head: Head, handler: Handler) -> bool:
        """Take what is here of the body; whether that was all."""
        while piece := self.parser.body():
            self._body += piece
            if len(self._body) > self.limits.body:
                raise Refusal(413, f"the body has more than {self.limits.body} bytes", hint="http.max_body")
        self._got = len(self._body)
        if piece is None:
            return False
        self._begin(head, handler, self._body)
        return True

    def _read_body(self, head: Head, length: int) -> None:
        """Read on into the body itself; room is made as it comes, not as it was announced."""
        if len(self._body) < length and self._got == len(self._body):
            self._body += bytes(min(max(self._got, LARGE), length - self._got))
        with memoryview(self._body) as view:
            got = self.sock.recv_into(view[self._got :])
        if not got:
            self.end()
            return
        self._got, self._since = self._got + got, self._owner.now()
        self.parser.passed(got)
        if self._got == length and (handler := self._handler(head)) is not None:
            self._begin(head, handler, self._body)
            self._advance()

    def _begin(self, head: Head, handler: Handler, body: Bytes) -> None:
        self._head, self._body, self._got = None, bytearray(), 0
        self._since = self._owner.now()
        ask = Ask(self, head, body, self._since)
        self._asks.append(ask)
        self._last = self._last or not head.keep_alive or self.closing
        try:
            handler(ask)
        except LabdError as error:
            ask.refuse(error)
        except Exception:
            log.exception("%s %s failed", head.method, head.target.decode("latin-1"))
            ask.refuse(
                InternalError("the request could not be answered", hint="the daemon's log has the traceback")
            )

    # -- answers ---------------------------------------------------------------------------------

    def stays(self, ask: Ask) -> bool:
        """Whether another request may follow *ask*."""
        return not (self._last or self.closing) or ask is not self._asks[-1]

    def answered(self, ask: Ask) -> None:
        """*ask* has its answer: send it, and those behind it that waited for it."""
        now = self._owner.now()
        self._owner.count(ask, LEFT if self.ended else ask.status, now - ask.began)
        if self.ended or self._asks[0] is not ask:
            return
        while self._asks and (reply := self._asks[0].reply) is not None:
            self._asks.popleft()
            self._send(reply)
        if not self.ended and (not self._readable or self._last or self._waiting is not None or self.closing):
            self._move_on()

    def _send(self, reply: list[Bytes]) -> None:
        if self.ended:
            return
        if not self._out:
            try:
                sent = self.sock.send(reply[0]) if len(reply) == 1 else self.sock.sendmsg(reply)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                self.end()
                return
            if len(reply) == 1 and sent == len(reply[0]):
                return
        else:
            sent = 0
        for part in reply:
            if sent < len(part):
                self._out.append(memoryview(part)[sent:])
            sent = max(sent - len(part), 0)
        if self._out:
            self._since = self._owner.now()
            self._wish()

    def _flush(self) -> None:
        while self._out:
            part = self._out.popleft()
            try:
                sent = self.sock.send(part)
            except BaseException:
                self._out.appendleft(part)
                raise
            self._since = self._owner.now()
            if sent < len(part):
                self._out.appendleft(part[sent:])
                break
        else:
            self._move_on()

    def _move_on(self) -> None:
        """An answer has left: what waited for that comes now."""
        self._wish()
        if self.parser.pending and not self._out and self._head is None:
            self.ready_again()
        if self._asks or self._out or self.ended:
            return
        if self._last or (self.closing and self._waiting is None):
            self._bye()
        elif self._waiting is not None:
            self._hand_over()

    def ready_again(self) -> None:
        """Go on with what was received already."""
        try:
            self._advance()
        except LabdError as error:
            self._refuse(error)

    def _wish(self) -> None:
        """Tell what to watch: nothing is read from who takes no answers, or has asked for enough."""
        readable = self._lingers or not (
            self.away or self._last or self._waiting is not None or self._out or len(self._asks) >= AHEAD
        )
        writable = bool(self._out)
        if (readable, writable) != (self._readable, self._writable) and not self.ended:
            self._readable, self._writable = readable, writable
            self._owner.watch(self, readable=readable, writable=writable)

    # -- other requests --------------------------------------------------------------------------

    def _hand_over(self) -> None:
        if self._asks or self._out or self._waiting is None:
            return
        head, self._waiting, self.away = self._waiting, None, True
        self._wish()
        self._owner.give_away(self, head)

    def take_back(self, again: bool) -> None:
        """The request that was given away is answered; *again*: there may be another."""
        self.away = False
        self._since = self._owner.now()
        if not again or self.closing:
            self.end()
            return
        self._wish()
        self.ready_again()

    # -- time and end ----------------------------------------------------------------------------

    def drain(self) -> None:
        """No further requests: those in work are the last."""
        self.closing = True
        if not (self._asks or self._out or self.away):
            self.end()

    def check(self, now: float) -> None:
        """Hang up if a limit in time is over."""
        if self.ended or self.away:
            return
        passed, limits = now - self._since, self.limits
        if self._out or self._lingers:
            if passed > (limits.stall_time if self._out else 2.0):
                self.end()
        elif self._asks:
            self._check_answer(now)
        elif self._head is not None:
            self._late(passed > limits.stall_time, "the body stopped coming")
        elif self.parser.pending:
            self._late(passed > limits.head_time, "the head took too long")
        elif passed > limits.idle_time:
            self.end()

    def _check_answer(self, now: float) -> None:
        first = self._asks[0]
        if now - first.began > self.limits.request_time:
            gone = first.gone
            first.refuse(Refusal(504, "that took too long", hint="http.request_timeout", close=False))
            if gone is not None:
                gone()

    def _late(self, late: bool, message: str) -> None:
        if late:
            self._refuse(Refusal(408, message, hint="see the limits in [http]"))

    def _refuse(self, error: LabdError) -> None:
        """What was sent can be no request: say so behind the answers before it, and hang up."""
        head = self._head or Head("", b"", "1.1", (), {}, 0, False, False)
        ask = Ask(self, head, b"", self._owner.now())
        self._asks.append(ask)
        self._last = True
        ask.refuse(error)
        self._wish()

    def _bye(self) -> None:
        """Let the client read the last answer: closing over unread bytes would take it away again."""
        if self._lingers:
            return
        self._lingers, self._since = True, self._owner.now()
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.end()
            return
        self._wish()

    def end(self) -> None:
        """Close; whatever is in work is told that nobody waits for it."""
        if self.ended:
            return
        self.ended = True
        self._owner.closed(self)
        self.sock.close()
        self._out.clear()
        asks, self._asks = self._asks, deque()
        for ask in asks:
            if ask.reply is None:
                gone, ask.gone = ask.gone, None
                self._owner.count(ask, LEFT, self._owner.now() - ask.began)
                if gone is not None:
                    gone()
