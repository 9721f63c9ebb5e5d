"""A web server's connection over memory streams, with a client at the other end."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import trio
import trio.testing

from labd.api.http import Mount, Response, Route
from labd.api.methods import Peer, Role
from labd.http.connection import Connection
from labd.http.exchange import Exchange
from labd.http.limits import Limits
from labd.http.router import Router
from labd.http.server import Server, Tally
from labd.http.site import Site

ALICE = Peer(pid=0, uid=1000, gid=1000, name="alice", role=Role.SUBMIT)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


async def echo(request: Any) -> Response:
    return Response(await request.body(), content_type="text/plain")


async def hello(request: Any) -> Response:
    return Response.text("hello")


ROUTES = (
    Route(method="GET", path="/hello", handler=hello, role=Role.NONE, quick=True),
    Route(method="POST", path="/echo", handler=echo, role=Role.NONE),
)


def alice(exchange: Exchange, origin: object) -> Peer:
    return ALICE


def site(*routes: Route | Mount, authenticate: Any = alice) -> Site:
    router = Router()
    router.add((*ROUTES, *routes))
    return Site(router, authenticate)


class Talk:
    """The client's end."""

    def __init__(self, stream: trio.abc.HalfCloseableStream, connection: Connection) -> None:
        self.stream = stream
        self.connection = connection
        self.inbox = b""
        self.ended = False

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def ask(self, method: str, path: str, body: bytes = b"", *fields: str) -> Answer:
        """A request, and its answer."""
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *fields]
        lines += [f"Content-Length: {len(body)}"] if body else []
        await self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return await self.answer(method)

    async def answer(self, method: str = "GET") -> Answer:
        """The next answer."""
        head = await self.until(lambda: self._cut(b"\r\n\r\n"))
        first, *rest = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in rest)
        status = int(first.split()[1])
        if status == 100 or method == "HEAD" or status in (204, 304):
            return Answer(status, headers, b"")
        return Answer(status, headers, await self._body(headers))

    async def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await self.until(lambda: self._cut(b"\r\n")), 16):
                body += await self.take(size)
                assert await self.take(2) == b"\r\n"
            assert await self.take(2) == b"\r\n"
            return body
        if "content-length" in headers:
            return await self.take(int(headers["content-length"]))
        return await self.rest()

    async def rest(self) -> bytes:
        """All that comes until the server has closed."""
        while not self.ended:
            await self._more()
        rest, self.inbox = self.inbox, b""
        return rest

    async def take(self, size: int) -> bytes:
        await self.until(lambda: len(self.inbox) >= size)
        taken, self.inbox = self.inbox[:size], self.inbox[size:]
        return taken

    async def until(self, found: Callable[[], Any]) -> Any:
        while not (answer := found()):
            assert not self.ended, f"the server hung up after {self.inbox!r}"
            await self._more()
        return answer

    def _cut(self, mark: bytes) -> bytes:
        head, found, rest = self.inbox.partition(mark)
        if not found:
            return b""
        self.inbox = rest
        return head

    async def _more(self) -> None:
        try:
            data = bytes(await self.stream.receive_some(65_536))
        except trio.BrokenResourceError:
            data = b""
        self.inbox += data
        self.ended = self.ended or not data


def open_talk(nursery: trio.Nursery, where: Site | None = None, **limits: Any) -> Talk:
    """A client of a fresh connection to *where*."""
    ours, theirs = trio.testing.memory_stream_pair()
    server = Server([], lambda: Limits(**limits), Tally())
    connection = server.connection(theirs, where or site(), Limits(**limits))
    nursery.start_soon(connection.run)
    return Talk(ours, connection)


Answering = Callable[..., Awaitable[None]]
