"""What a plugin's web pages are: routes of its own, or an ASGI application below a prefix."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, Self

import msgspec

from labd.api.methods import Peer, Role


class Request(Protocol):
    """One request, as the handler of a :class:`Route` sees it."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str:
        """The path, decoded."""
        ...

    @property
    def params(self) -> Mapping[str, str]:
        """What stands for each ``{name}`` of the route, decoded."""
        ...

    @property
    def query(self) -> Mapping[str, str]:
        """What follows the ``?``; of a name given twice the last."""
        ...

    @property
    def queries(self) -> Sequence[tuple[str, str]]:
        """The same in order; of a name given twice both."""
        ...

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        """The fields of the head, names in small letters; of a name given twice the last."""
        ...

    @property
    def peer(self) -> Peer:
        """Who asks, by their token or by the kernel's word."""
        ...

    @property
    def connection(self) -> int:
        """The number of the connection, for as long as it lasts nobody else's."""
        ...

    async def body(self) -> bytes:
        """All of the body. Raises LabdError when it is too large or does not arrive."""
        ...

    def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives: what nobody reads is not taken from the network."""
        ...


class Response(msgspec.Struct, frozen=True):
    """An answer. A *body* that is an async iterator is sent piece by piece, as fast as the client reads.

    An *endless* one ends when labd stops, which else waits a while for answers that are being sent.
    """

    body: bytes | AsyncIterator[bytes] = b""
    status: int = 200
    content_type: str = "application/octet-stream"
    headers: tuple[tuple[str, str], ...] = ()
    endless: bool = False

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Self:
        """*value* as JSON: structs are maps, bytes base64 text."""
        return cls(msgspec.json.encode(value), status, "application/json", headers)

    @classmethod
    def text(cls, text: str, status: int = 200) -> Self:
        """*text* as it is."""
        return cls(text.encode(), status, "text/plain; charset=utf-8")


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A path that labd answers over HTTP. Since API 1.

    ``handler`` is ``async def handler(request) -> Response``; a LabdError that it raises becomes an answer
    with a fitting status. ``{name}`` in *path* stands for one part of it, ``{name:path}`` at its end for all
    that is left. Only callers with *role* reach it; ``Role.NONE`` is everybody. A handler is cancelled when
    its client leaves; *quick* ones answer at once, and nobody looks. *max_body* is in bytes, None for what
    the configuration says.
    """

    method: str
    path: str
    handler: Callable[[Request], Awaitable[Response]]
    role: Role = Role.VIEW
    doc: str = ""
    quick: bool = False
    max_body: int | None = None


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """An ASGI 3 application (Starlette, for one) that answers all below *prefix*. Since API 1.

    Only callers with *role* reach it. In its scope ``scope["state"]["peer"]`` is the :class:`Peer`.
    """

    prefix: str
    app: Callable[..., Awaitable[None]]
    role: Role = Role.VIEW
    doc: str = ""
    max_body: int | None = None
