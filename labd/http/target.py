"""What a request asks for: path, query and host, each in one reading only. Pure."""

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from labd.http import cors
from labd.http.refusal import Refusal

_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{0,5})?")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE)
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile("[\x00-\x1f\x7f]")


class Target(NamedTuple):
    """*path* is decoded, *raw_path* as it was sent; *authority* is that of ``GET http://authority/path``."""

    path: str
    raw_path: bytes
    query: bytes
    authority: bytes | None = None


@lru_cache(maxsize=1024)
def read(method: str, target: bytes) -> Target:
    """The parts of a request's *target*. Raises Refusal."""
    if target == b"*" and method == "OPTIONS":
        return Target("*", b"*", b"")
    authority = None
    if not target.startswith(b"/"):
        found = _ABSOLUTE.fullmatch(target)
        if found is None:
            raise Refusal(400, "the target of the request is neither a path nor a whole URL")
        authority = found[1]
        target = found[2] if found[2].startswith(b"/") else b"/" + found[2]
    raw_path, _, query = target.partition(b"?")
    return Target(_decoded(raw_path), raw_path, query, authority)


def _decoded(raw: bytes) -> str:
    if b"#" in raw or _BAD_ESCAPE.search(raw):
        raise Refusal(400, "the path has a # or a % that encodes nothing")
    try:
        path = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise Refusal(400, "the path is not UTF-8") from None
    if _CONTROL.search(path):
        raise Refusal(400, "the path has control characters")
    return path


@lru_cache(maxsize=1024)
def host_name(host: bytes) -> str:
    """The name in a ``Host`` field, without its port. Raises Refusal."""
    found = _HOST.fullmatch(host)
    if found is None:
        raise Refusal(400, "Host is not a name or an address, with a port or without")
    return found[1].decode().lower()


@lru_cache(maxsize=1024)
def is_address(name: str) -> bool:
    """Whether *name* is an IP address: one cannot be made to lead elsewhere, as names can."""
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def check_host(name: str, known: AbstractSet[str]) -> None:
    """Refuse a request for a host that is not us: a page whose name was made to lead here (DNS rebinding)."""
    if name not in known and name != "localhost" and not is_address(name):
        raise Refusal(
            421, f"labd does not answer for the host {name}", hint="http.hosts names it", close=False
        )


def check_origin(method: str, origin: bytes | None, host: bytes, allowed: AbstractSet[str]) -> None:
    """Refuse a change that the page of another site asks for."""
    if origin is None or method in ("GET", "HEAD", "OPTIONS"):
        return
    if origin.lower() not in (b"http://" + host.lower(), b"https://" + host.lower()) and (
        not cors.allows(origin, allowed)
    ):
        raise Refusal(403, "a page of another site may change nothing here", hint="http.origins", close=False)
