"""``labd tui --serve``: the interface in a browser, by textual-serve.

It listens on the loopback only. Whoever knows the address can do what its owner can, so the address has a
token in its path (not in a cookie: cookies go to every port of a host), and what a page of somebody else
makes a browser send is refused. Each open page is a process, which ends with it.
"""

import asyncio
import copy
import hmac
import secrets
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server, to_int

from labd.tui import served

MOST = 16
"""Pages that may be open at once."""

GOODBYE = 3.0
"""Seconds that a process has to end by itself."""

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Nothing comes from elsewhere, and the address goes nowhere."""

LOOPBACK = ("127.0.0.1", "localhost")


class Session(AppService):
    """The process behind one open page."""

    def __init__(self, words: Sequence[str], socket: web.WebSocketResponse, rest: dict[str, Any]) -> None:
        async def close() -> None:
            await socket.close()

        super().__init__(
            "", write_bytes=socket.send_bytes, write_str=socket.send_str, close=close, **rest
        )  # fmt: skip
        self._words = words

    async def _open_app_process(self, width: int = 80, height: int = 24) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        env = self._build_environment(width, height) | {"TEXTUAL_DRIVER": served.NAME}
        self._process = await asyncio.create_subprocess_exec(
            *self._words, stdin=pipe, stdout=pipe, stderr=pipe, env=env
        )
        self._stdin = self._process.stdin
        return self._process

    async def run(self) -> None:
        """Carry what it draws; when it ends, so does the connection."""
        await super().run()
        await self.remote_close()

    async def stop(self) -> None:
        """End the process, by force if it does not hear."""
        try:
            async with asyncio.timeout(GOODBYE):
                await super().stop()
        except TimeoutError:
            pass  # killed below
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()


class Web(Server):
    """The server. *words* start what is shown; *sock* is bound already."""

    def __init__(self, words: Sequence[str], sock: socket.socket, token: str) -> None:
        super().__init__("labd tui", "127.0.0.1", sock.getsockname()[1], title="labd")
        self.token = token
        self._words, self._sock = words, sock
        self._open: set[asyncio.Task[Any]] = set()

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"{self.public_url}/{self.token}/"

    def serve(self, debug: bool = False) -> None:
        """Serve until SIGINT or SIGTERM."""
        web.run_app(
            self._make_app(), sock=self._sock, print=None, access_log=None, shutdown_timeout=GOODBYE
        )  # fmt: skip

    async def _make_app(self) -> web.Application:
        inner = await super()._make_app()
        outer = web.Application(middlewares=[self.guard])
        outer.on_response_prepare.append(_hardened)
        outer.on_shutdown.append(self._end)
        outer.add_subapp(f"/{self.token}", inner)
        return outer

    async def on_startup(self, app: web.Application) -> None:
        """Say where it is; scripts may wait for this line."""
        print(self.address, flush=True)  # noqa: T201 (the answer of the command)

    @web.middleware
    async def guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Let in who knows the token, from this machine and from no page but ours."""
        host, _, port = request.host.rpartition(":")
        origin = request.headers.get("Origin")
        if host not in LOOPBACK or not port.isdecimal():
            raise web.HTTPForbidden(text="this is served to the loopback alone\n")
        if origin is not None and origin != f"http://{request.host}":
            raise web.HTTPForbidden(text="pages of others are not let in\n")
        given = request.path.split("/")[1]
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise web.HTTPNotFound(text="open the whole address that `labd tui --serve` printed\n")
        return await handler(request)

    async def handle_index(self, request: web.Request) -> web.Response:
        """The page, whose links have the name by which it was asked for: a forwarded port has another."""
        seen = copy.copy(self)
        seen.public_url = f"http://{request.host}"
        page: web.Response = await Server.handle_index(seen, request)  # type: ignore[assignment]
        return page

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """What an open page talks to."""
        if len(self._open) >= MOST:
            raise web.HTTPServiceUnavailable(text=f"{MOST} pages are open already\n")
        task = asyncio.current_task()
        assert task is not None, "handlers are tasks"
        self._open.add(task)
        try:
            return await self._shown(request)
        finally:
            self._open.discard(task)

    async def _shown(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(heartbeat=15, timeout=0.5)
        await ws.prepare(request)
        session = Session(self._words, ws, {"download_manager": self.download_manager})
        size = (to_int(request.query.get(name, ""), usual) for name, usual in (("width", 80), ("height", 24)))
        try:
            await session.start(*size)
            await self._process_messages(ws, session)
        finally:
            await session.stop()
        return ws

    async def _end(self, app: web.Application) -> None:
        """End what is open, with its processes."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


async def _hardened(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def run(words: Sequence[str], port: int) -> int:
    """Serve what *words* start, on *port* of the loopback (0: a free one), until a signal. Raises OSError."""
    with socket.create_server(("127.0.0.1", port)) as sock:
        Web(words, sock, secrets.token_urlsafe(24)).serve()
    return 0
