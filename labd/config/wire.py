"""The section ``[wire]``."""

from typing import Annotated

import msgspec
from msgspec import Meta

from labd.config.annotations import seconds, size


class Wire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits for clients."""

    max_connections: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)],
        Meta(description="Clients connected at once, half of them of one user. Admins are never refused."),
    ] = 512
    max_frame: Annotated[
        Annotated[int, size(2**16, 2**30)], Meta(description="The longest message that a client may send.")
    ] = 4 * 2**20
    max_requests: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)],
        Meta(description="Requests of one connection in work at once; more are refused."),
    ] = 64
    send_timeout: Annotated[
        Annotated[float, seconds(0.1, 86_400)],
        Meta(description="A client that takes nothing for so long is disconnected."),
    ] = 30.0
