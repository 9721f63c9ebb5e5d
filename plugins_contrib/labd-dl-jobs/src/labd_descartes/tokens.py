"""Tokens in the form that the SDK looks into: a JWT, signed with a key that only this labd has. Pure."""

import base64
import hashlib
import hmac
import json
from typing import Any

CLIENT = "labd"
"""The client id that goes with a token: the SDK throws a token away that is not for its own client id."""

_HEADER = b'{"alg":"HS256","typ":"JWT"}'


def issue(key: bytes, uid: int, name: str, now: float, lifetime: float) -> str:
    """A token for the user *uid*, called *name*, for *lifetime* seconds from *now* on."""
    claims = {
        "sub": f"labd|{uid}", "aud": CLIENT, "name": name, "iat": int(now), "exp": int(now + lifetime)
    }  # fmt: skip
    said = _text(_HEADER) + b"." + _text(json.dumps(claims).encode())
    return (said + b"." + _text(_sign(key, said))).decode()


def holder(key: bytes, said: bytes, now: float) -> int | None:
    """The uid of the user whose token the field *Authorization* shows; None for any other token.

    The older SDK sends the token bare, the newer one as a bearer.
    """
    token = said.removeprefix(b"Bearer ").strip()
    body, _, signature = token.rpartition(b".")
    if not hmac.compare_digest(_text(_sign(key, body)), signature):
        return None
    header, _, claims = body.partition(b".")
    found: dict[str, Any] = json.loads(_bytes(claims))
    return int(found["sub"].partition("|")[2]) if header == _text(_HEADER) and now < found["exp"] else None


def _sign(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, b"descartes " + said, hashlib.sha256)


def _text(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _bytes(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
