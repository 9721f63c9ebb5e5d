"""How much a client may send, and how long it may take."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes are bytes, times seconds.

    ``head_time`` is for a whole head from its first byte, ``idle_time`` for none at all, ``stall_time`` for a
    body of which nothing comes and an answer of which nothing is taken. ``request_time`` is from the end of
    the head to the beginning of the answer.
    """

    target: int = 8192
    head: int = 32_768
    headers: int = 100
    body: int = 16 * 2**20
    connections: int = 512
    head_time: float = 10.0
    idle_time: float = 60.0
    stall_time: float = 30.0
    request_time: float = 300.0
