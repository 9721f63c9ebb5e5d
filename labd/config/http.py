"""The settings of the web server: where it listens, who may ask, and the limits of a client."""

from ipaddress import ip_address
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from labd.config.annotations import Bytes, seconds, size
from labd.config.secrets import Secret

_RESTART = {"restart": True}

SHORTEST = 16
"""Characters of a token: what is shorter can be guessed."""

TokenName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
SocketPath = Annotated[
    str,
    Meta(
        pattern=r"^(/[^\x00]*)?$",
        max_length=107,
        extra={"wanted": "an absolute path of at most 107 characters, or empty for none"},
    ),
]
HostName = Annotated[str, Meta(pattern=r"^[a-z0-9._-]+$", extra={"wanted": "a name in small letters"})]
Origin = Annotated[
    str, Meta(pattern=r"^https?://[^/ ]+$", extra={"wanted": "https://NAME, as browsers send it"})
]


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who shows this token is *user* with *role*."""

    token: Annotated[Secret, Meta(description="The token itself, of 16 characters or more.")]
    role: Annotated[Literal["view", "submit", "operate", "admin"], Meta(description="What they may do.")] = (
        "view"
    )
    user: Annotated[
        str, Meta(max_length=256, description="Whose jobs they submit. Empty: those of labd's own user.")
    ] = ""

    def __post_init__(self) -> None:
        if len(self.token.reveal()) < SHORTEST or not self.token.reveal().isascii():
            raise ValueError(f"a token has at least {SHORTEST} characters, all of them ASCII")


class Http(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """HTTP: metrics, health, events and every method for what speaks no MessagePack. Off unless enabled."""

    enabled: Annotated[bool, Meta(description="Listen for HTTP.", extra=_RESTART)] = False
    address: Annotated[
        str,
        Meta(
            max_length=64,
            description="The IP address to listen at. Beyond loopback (0.0.0.0 is everywhere) only with "
            "tokens. Empty: none.",
            extra=_RESTART,
        ),
    ] = "127.0.0.1"
    port: Annotated[
        Annotated[int, Meta(ge=0, le=65_535)],
        Meta(description="The port to listen at. 0: any that is free.", extra=_RESTART),
    ] = 8420
    socket: Annotated[
        SocketPath,
        Meta(
            description="A Unix socket to listen at too; the kernel says who asks, no token is needed. "
            "Empty: none.",
            extra=_RESTART,
        ),
    ] = ""
    hosts: Annotated[
        list[HostName],
        Meta(description="Names under which labd is reached; localhost and IP addresses always are."),
    ] = []
    origins: Annotated[
        list[Origin], Meta(description="Web sites whose pages may ask for changes, besides labd's own.")
    ] = []
    tokens: Annotated[dict[TokenName, Token], Meta(description="Tokens of programs, by name.")] = {}
    max_connections: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)],
        Meta(description="Clients connected at once; more are told 503."),
    ] = 512
    max_head: Annotated[
        Annotated[int, size(1024, 2**20)],
        Meta(description="The longest head of a request, a quarter of it for the target; more is 431, 414."),
    ] = 32_768
    max_body: Annotated[Bytes, Meta(description="The longest body of a request; more is 413.")] = 16 * 2**20
    head_timeout: Annotated[
        Annotated[float, seconds(0.1, 3600)],
        Meta(description="How long a client may take to send a head, from its first byte; longer is 408."),
    ] = 10.0
    idle_timeout: Annotated[
        Annotated[float, seconds(0.1, 86_400)],
        Meta(description="A connection on which nothing is asked for so long is closed."),
    ] = 60.0
    stall_timeout: Annotated[
        Annotated[float, seconds(0.1, 86_400)],
        Meta(description="A client that sends or takes nothing for so long, amid a message, is hung up on."),
    ] = 30.0
    request_timeout: Annotated[
        Annotated[float, seconds(0.1, 86_400)],
        Meta(description="How long it may take until an answer begins; longer is 504."),
    ] = 300.0
    drain_timeout: Annotated[
        Annotated[float, seconds(0, 3600)],
        Meta(description="How long requests in work may still take when labd stops.", extra=_RESTART),
    ] = 5.0

    def __post_init__(self) -> None:
        if self.enabled and self.address and not self.tokens and not _loopback(self.address):
            raise ValueError(f"labd listens at {self.address} only with a token in [http.tokens]")


def _loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        raise ValueError(f"address: {address!r} is no IP address, such as 127.0.0.1 or ::1") from None
