"""Who may do what at the plugin's own listener."""

import hmac
import os
import pwd
from collections.abc import Mapping
from typing import Any

import msgspec

from labd.api import NotPermitted, Peer, Role, UsageError
from labd.http.exchange import Exchange
from labd.http.parser import Head
from labd.plugins.serving_http.local import owner
from labd.plugins.serving_http.settings import Settings

SHORTEST = 16
SCHEME = b"bearer "
SHARED = "/v2/systemsharedmemory/"


class Door:
    """Everybody is one peer, *who*: with *token*, those who show it; without one, all who come."""

    def __init__(self, who: Peer, token: bytes = b"") -> None:
        self._who, self._token = who, token

    def of_head(self, head: Head, origin: Any) -> Peer | None:
        return self._of(head.headers)

    def of_exchange(self, exchange: Exchange, origin: Any) -> Peer | None:
        """Who asks; with their uid where that matters, which is with shared memory, and is known."""
        who = self._of(exchange.headers)
        if who is None or not exchange.path.startswith(SHARED):
            return who
        if b"origin" in exchange.headers:
            raise NotPermitted(
                "shared memory is for programs of this machine, not for pages", hint="send the tensors"
            )
        uid = owner(origin)
        return who if uid is None else _user(who, uid)

    def _of(self, headers: Mapping[bytes, bytes]) -> Peer | None:
        if not self._token:
            return self._who
        said = headers.get(b"authorization", b"")
        shown = said[len(SCHEME) :].strip() if said.lower().startswith(SCHEME) else b""
        return self._who if hmac.compare_digest(shown, self._token) else None


def _user(who: Peer, uid: int) -> Peer:
    """*who* as the user *uid*, with that user's groups."""
    try:
        entry = pwd.getpwuid(uid)
        groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    except (KeyError, OSError):
        return msgspec.structs.replace(who, uid=uid)
    return msgspec.structs.replace(who, uid=uid, gid=entry.pw_gid, groups=groups)


def door(settings: Settings) -> Door:
    """The door that *settings* describe. Raises UsageError for a token that is not one."""
    who = Peer(pid=0, uid=-1, gid=-1, name="http", role=Role[settings.role.upper()])
    return Door(who, _token(settings.token_file) if settings.token_file else b"")


def _token(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            token = file.read(4096).strip()
    except OSError as error:
        raise UsageError(
            f"the token of serving-http cannot be read at {path}: {error.strerror}",
            hint="plugins.serving-http.token_file",
        ) from None
    if len(token) < SHORTEST or not token.isascii() or b"\n" in token:
        raise UsageError(f"the token at {path} is not one line of {SHORTEST} or more ASCII characters")
    return token
