"""One request and its answer, on a connection that belongs to both for so long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import trio

from labd.api.methods import Peer
from labd.errors import InternalError
from labd.http import writing
from labd.http.parser import Head
from labd.http.refusal import Refusal
from labd.http.target import Target

if TYPE_CHECKING:
    from labd.http.connection import Connection

Fields = Iterable[tuple[bytes, bytes]]

NOBODY = Peer(pid=0, uid=-1, gid=-1, name="nobody")

SMALL = 65_536
"""Bytes of a body that nobody read which are thrown away; over more of them the connection is closed."""


class Exchange:
    """A :class:`labd.api.http.Request`, and the way to answer it."""

    def __init__(self, connection: Connection, head: Head, target: Target, max_body: int) -> None:
        self.head = head
        self.target = target
        self.peer: Peer = NOBODY
        self.route = ""
        self.params: Mapping[str, str] = {}
        self.max_body = max_body
        self.fields: Fields = ()
        self.status = 0
        self.done = self.endless = False
        self.keep_alive = head.keep_alive
        self._connection = connection
        self._received = 0
        self._asked = not head.expects
        self._watching: trio.CancelScope | None = None
        self._body_read = trio.Event()
        self._left: int | None = None  # bytes of the answer that are still to come; None: chunks, or the end
        self._chunked = self._silent = False
        self._head = b""

    # -- the request -----------------------------------------------------------------------------

    @property
    def method(self) -> str:
        return self.head.method

    @property
    def path(self) -> str:
        return self.target.path

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        return self.head.headers

    @cached_property
    def query(self) -> Mapping[str, str]:
        return dict(self.queries)

    @cached_property
    def queries(self) -> Sequence[tuple[str, str]]:
        try:
            return parse_qsl(self.target.query.decode(), keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            raise Refusal(400, "the query is not UTF-8", close=False) from None

    @property
    def connection(self) -> int:
        return self._connection.number

    @property
    def received_all(self) -> bool:
        return self._connection.parser.left == 0

    async def receive(self) -> bytes:
        """The next piece of the body, ``b""`` at its end. Raises Refusal, BrokenResourceError."""
        if self._received + (self._connection.parser.left or 0) > self.max_body:
            raise self._too_large()
        if not self._asked and not self.received_all:
            self._asked = True
            await self._connection.send(writing.CONTINUE)
        piece = await self._connection.piece()
        self._received += len(piece)
        if self.received_all:
            self._body_read.set()
        if self._received > self.max_body:
            raise self._too_large()
        return piece

    def _too_large(self) -> Refusal:
        return Refusal(413, f"the body has more than {self.max_body} bytes", hint="http.max_body")

    async def body(self) -> bytes:
        """All of the body."""
        return b"".join([piece async for piece in self.pieces()])

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives."""
        while piece := await self.receive():
            yield piece

    async def wait_gone(self) -> None:
        """Wait until the client has left, or everything is answered."""
        with trio.CancelScope() as self._watching:
            if not self.received_all:
                await self._body_read.wait()  # until then, whoever reads the body meets the end
            if not self.done:
                await self._connection.wait_end()

    # -- the answer ------------------------------------------------------------------------------

    @property
    def started(self) -> bool:
        return self.status != 0

    async def respond(self, status: int, fields: Fields, body: bytes = b"") -> None:
        """The whole answer at once."""
        length = b"%d" % len(body)
        self.start(status, [*fields, (b"content-length", length)], len(body))
        await self.send(body, last=True)

    def start(self, status: int, fields: Fields, length: int | None) -> None:
        """Begin an answer; its head leaves with the first piece. *length* None: nobody knows yet."""
        if self.started:
            raise InternalError("an answer has begun already")
        self._decide_end()
        self._silent = self.method == "HEAD" or writing.bodiless(status)
        self._left = None if self._silent else length
        self._chunked = length is None and not self._silent and self.head.version == "1.1"
        if length is None and not self._silent and not self._chunked:
            self.keep_alive = False
        ours = b"" if self.keep_alive else b"connection: close\r\n"
        if self.keep_alive and self.head.version == "1.0":
            ours = b"connection: keep-alive\r\n"
        ours += b"transfer-encoding: chunked\r\n" if self._chunked else b""
        self._head = writing.head(status, [*fields, *self.fields], ours)
        self.status = status

    def _decide_end(self) -> None:
        """Whether the connection can go on: not over a body that is long, or that waits to be asked for."""
        left = self._connection.parser.left
        unread = left is None or left > SMALL or not (left == 0 or self._asked)
        self.keep_alive = self.keep_alive and not unread and not self._connection.closing

    async def send(self, data: bytes, last: bool = False) -> None:
        """The next piece of the answer, as soon as the client takes it. Raises BrokenResourceError."""
        if not self.started or self.done:
            raise InternalError("a piece of an answer that has not begun, or is over")
        data = b"" if self._silent else data
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0 or (last and self._left):
                raise InternalError("an answer is not as long as it said")
        if self._chunked:
            data = writing.chunk(data) + (writing.LAST_CHUNK if last else b"")
        data, self._head = self._head + data, b""
        if data:
            await self._connection.send(data)
        if last:
            self.done = True
            if self._watching is not None:
                self._watching.cancel(reason="everything is answered")
