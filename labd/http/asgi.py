"""An ASGI 3 application on an exchange: https://asgi.readthedocs.io/en/latest/specs/www.html."""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from labd.http.exchange import Exchange

App = Callable[..., Awaitable[None]]


async def serve(app: App, exchange: Exchange, root: str = "") -> None:
    """Let *app*, which is mounted at *root*, answer."""
    session = _Session(exchange)
    await app(_scope(exchange, root), session.receive, session.send)


def _scope(exchange: Exchange, root: str) -> dict[str, Any]:
    target = exchange.target
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": exchange.head.version,
        "method": exchange.method,
        "scheme": "http",
        "path": target.path,
        "raw_path": target.raw_path,
        "query_string": target.query,
        "root_path": root,
        "headers": exchange.head.fields,
        "client": None,
        "server": None,
        "state": {"peer": exchange.peer},
    }


class _Session:
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._all_read = False
        self._start: dict[str, Any] | None = None

    async def receive(self) -> dict[str, Any]:
        """The next piece of the body, and then the end of the client or of the answer."""
        exchange = self._exchange
        if self._all_read or exchange.done:
            await exchange.wait_gone()
            return {"type": "http.disconnect"}
        try:
            piece = await exchange.receive()
        except trio.BrokenResourceError:
            return {"type": "http.disconnect"}
        self._all_read = exchange.received_all
        return {"type": "http.request", "body": piece, "more_body": not self._all_read}

    async def send(self, message: dict[str, Any]) -> None:
        """Take a message of the application. Raises OSError when the client has left."""
        try:
            await self._send(message)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ConnectionResetError("the client has left") from error

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            await self._body(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise ValueError(f"labd does not know the ASGI message {message['type']!r}")

    async def _body(self, body: bytes, *, more: bool) -> None:
        if self._start is not None:
            self._begin(self._start, None if more else len(body))
            self._start = None
        await self._exchange.send(body, last=not more)

    def _begin(self, start: dict[str, Any], length: int | None) -> None:
        """Begin to answer; *length* is that of the body where it came whole."""
        fields = list(start.get("headers", ()))
        said = next((value for name, value in fields if name.lower() == b"content-length"), None)
        if said is not None:
            length = int(said)
        elif length is not None:
            fields.append((b"content-length", b"%d" % length))
        self._exchange.start(start["status"], fields, length)
