"""All that one server answers: who asks, which route, whether they may, and its answer."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from collections.abc import Set as AbstractSet

import trio

from labd.api.http import Mount, Response, Route
from labd.api.methods import Peer, Role
from labd.errors import LabdError, NotFound, NotPermitted
from labd.http import asgi, cors, target
from labd.http.connection import Connection
from labd.http.exchange import NOBODY, Exchange
from labd.http.refusal import Refusal
from labd.http.router import Found, Router

Authenticate = Callable[[Exchange, object], Peer | None]
"""``authenticate(exchange, origin)``: who asks, None for nobody known; *origin* is that of the connection."""

NEVER = frozenset[str]()


class Site:
    """The handler of a server. *hosts* are names of labd, *origins* sites whose pages may change things.

    The hosts do not matter (None) to a server that no browser reaches.
    """

    def __init__(
        self,
        router: Router,
        authenticate: Authenticate,
        hosts: AbstractSet[str] | None = NEVER,
        origins: AbstractSet[str] = NEVER,
    ) -> None:
        self.router = router
        self.hosts, self.origins = hosts, origins
        self._authenticate = authenticate

    async def answer(self, connection: Connection, exchange: Exchange) -> None:
        """Answer one request. Raises LabdError for what is told to the client in place of an answer."""
        exchange.fields = cors.fields(exchange.headers, self.origins)
        self._check_site(exchange)
        if exchange.fields and (fields := cors.preflight(exchange.method, exchange.headers)):
            await exchange.respond(200, fields)
            return
        peer = self._authenticate(exchange, connection.origin)
        found = self._find(exchange, peer)
        exchange.peer = peer or NOBODY
        where = found.where
        exchange.max_body = exchange.max_body if where.max_body is None else where.max_body
        if isinstance(where, Mount):
            exchange.route = where.prefix
            await asgi.serve(where.app, exchange, where.prefix)
            return
        exchange.route, exchange.params = where.path, found.params
        if where.quick:
            await _reply(where, exchange)
        else:
            await _watched(where, exchange)

    def _check_site(self, exchange: Exchange) -> None:
        host = exchange.target.authority or exchange.headers.get(b"host", b"localhost")
        name = target.host_name(host)
        if self.hosts is not None:
            target.check_host(name, self.hosts)
        target.check_origin(exchange.method, exchange.headers.get(b"origin"), host, self.origins)

    def _find(self, exchange: Exchange, peer: Peer | None) -> Found:
        """What answers this caller; those whom nobody knows do not learn what there is."""
        try:
            found = self.router.find(exchange.method, exchange.target)
        except LabdError as error:
            if peer is None and isinstance(error, NotFound):
                raise unknown() from None
            raise
        needed = found.where.role
        if peer is None and needed > Role.NONE:
            raise unknown()
        if peer is not None and peer.role < needed:
            has = peer.role.name.lower()
            raise NotPermitted(
                f"{exchange.path} needs the role {needed.name.lower()}, {peer.name} has {has}",
                hint="an admin grants roles in [access] and [http.tokens] of labd.toml",
            )
        return found


def unknown() -> Refusal:
    """The answer to whoever shows no token, or a wrong one."""
    return Refusal(
        401,
        "this needs a token: Authorization: Bearer TOKEN",
        hint="labctl http token prints yours",
        headers=((b"www-authenticate", b'Bearer realm="labd"'),),
        close=False,
    )


async def _watched(route: Route, exchange: Exchange) -> None:
    """Answer, unless the client leaves first: then the handler is cancelled."""
    fault: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_until_gone, exchange, nursery.cancel_scope)
        try:
            await _reply(route, exchange)
        except Exception as error:  # the nursery would wrap it in a group
            fault = error
        nursery.cancel_scope.cancel(reason="the request is answered")
    if fault is not None:
        raise fault
    if not exchange.done:
        raise trio.BrokenResourceError("the client has left")


async def _until_gone(exchange: Exchange, scope: trio.CancelScope) -> None:
    await exchange.wait_gone()
    scope.cancel(reason="the client has left")


async def _reply(route: Route, exchange: Exchange) -> None:
    response = await route.handler(exchange)
    fields = [(b"content-type", response.content_type.encode())]
    fields += [(name.encode(), value.encode()) for name, value in response.headers]
    if isinstance(response.body, bytes):
        await exchange.respond(response.status, fields, response.body)
    else:
        await _stream(exchange, response, response.body, fields)


async def _stream(
    exchange: Exchange, response: Response, body: AsyncIterator[bytes], fields: list[tuple[bytes, bytes]]
) -> None:
    exchange.start(response.status, fields, None)
    exchange.endless = response.endless
    try:
        if exchange.method != "HEAD":
            await exchange.send(b"")
            async for piece in body:
                await exchange.send(piece)
    finally:
        if isinstance(body, AsyncGenerator):
            await body.aclose()
    await exchange.send(b"", last=True)
