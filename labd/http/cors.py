"""What a browser has to hear before the page of another site may ask here, and read the answer. Pure."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

ANY = "*"
"""Among the sites that may ask: all of them."""

Fields = list[tuple[bytes, bytes]]

LIFE = b"600"
"""Seconds for which a browser need not ask again whether it may."""


def fields(headers: Mapping[bytes, bytes], allowed: AbstractSet[str]) -> Fields:
    """The fields of an answer to a page of a site that is *allowed*; none for all others."""
    origin = headers.get(b"origin")
    if origin is None or not allows(origin, allowed):
        return []
    exposed = b"inference-header-content-length, retry-after"
    return [
        (b"access-control-allow-origin", origin),
        (b"vary", b"origin"),
        (b"access-control-expose-headers", exposed),
    ]


def preflight(method: str, headers: Mapping[bytes, bytes]) -> Fields | None:
    """What answers a browser that asks whether it may ask; None for any other request."""
    wanted = headers.get(b"access-control-request-method")
    if method != "OPTIONS" or wanted is None:
        return None
    asked = headers.get(b"access-control-request-headers", b"content-type")
    return [
        (b"access-control-allow-methods", b"GET, HEAD, POST"),
        (b"access-control-allow-headers", asked),
        (b"access-control-max-age", LIFE),
    ]


def allows(origin: bytes, allowed: AbstractSet[str]) -> bool:
    """Whether pages of *origin* may change things here."""
    return ANY in allowed or origin.decode("latin-1") in allowed
