"""Tokens: only what this labd has signed counts, and only for a while."""

import base64
import json

import pytest
from labd_descartes import tokens

KEY, OTHER = b"k" * 64, b"o" * 64
TOKEN = tokens.issue(KEY, 1000, "anna", 100.0, 50.0).encode()


def part(token: bytes, number: int) -> dict[str, object]:
    text = token.split(b".")[number]
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4)))
    return found


def forged(header: bytes, claims: bytes, signature: bytes) -> bytes:
    return (
        b".".join(base64.urlsafe_b64encode(each).rstrip(b"=") for each in (header, claims)) + b"." + signature
    )


def test_the_holder_is_known_bare_and_as_a_bearer() -> None:
    assert tokens.holder(KEY, TOKEN, 149.0) == 1000
    assert tokens.holder(KEY, b"Bearer " + TOKEN, 149.0) == 1000


def test_the_sdk_can_look_into_it() -> None:
    assert part(TOKEN, 1) == {"sub": "labd|1000", "aud": "labd", "name": "anna", "iat": 100, "exp": 150}


def test_it_ends_and_another_key_knows_it_not() -> None:
    assert tokens.holder(KEY, TOKEN, 150.0) is None
    assert tokens.holder(OTHER, TOKEN, 101.0) is None


HEADER, CLAIMS, SIGNATURE = TOKEN.split(b".")
ROOT = b'{"sub":"labd|0","aud":"labd","exp":9999999999}'


@pytest.mark.parametrize(
    "said",
    [
        b"", b"Bearer ", b"..", TOKEN[:-1], TOKEN + b"x", forged(b'{"alg":"none"}', ROOT, b""),
        forged(b'{"alg":"HS256","typ":"JWT"}', ROOT, SIGNATURE),
        HEADER + b"." + CLAIMS, b"\xff" * 100,
    ],
)  # fmt: skip
def test_anything_else_is_nobody(said: bytes) -> None:
    assert tokens.holder(KEY, said, 101.0) is None
