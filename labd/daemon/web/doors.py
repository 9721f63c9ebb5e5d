"""Who asks over HTTP: by a token of the configuration, by their own token, or by the kernel's word.

A user's own token is made from a key of this daemon and their uid, so that nothing has to be kept, and their
role is looked up anew: what an admin takes away is gone with the next reload.
"""

import hashlib
import hmac
import logging
import os
import pwd
import secrets
import stat
from typing import NamedTuple

from labd.api.methods import Peer, Role
from labd.config.http import Http
from labd.config.http import Token as Setting
from labd.config.model import Access
from labd.daemon.peers import group_names, role_of, user_name
from labd.errors import StateError
from labd.http.exchange import Exchange

log = logging.getLogger("labd.http")

SCHEME = b"bearer "


class Known(NamedTuple):
    """A token of the configuration, and whom it stands for."""

    token: bytes
    peer: Peer


class Doors:
    """Tells who asks. *key* is the secret of this daemon; *own_uid* is always an admin, as root is."""

    def __init__(self, key: bytes, own_uid: int) -> None:
        self._key, self._own_uid = key, own_uid
        self._access = Access()
        self._known: list[Known] = []
        self._users: dict[int, Peer | None] = {}
        self.problems: list[str] = []

    def configure(self, http: Http, access: Access) -> None:
        """Take up tokens and roles, and ask again who is in which group."""
        self._access, self._users, self._known, self.problems = access, {}, [], []
        for name, setting in http.tokens.items():
            peer = self._stands_for(setting)
            if peer is None:
                self.problems.append(f"http.tokens.{name}: there is no user {setting.user!r}")
            else:
                self._known.append(Known(setting.token.reveal().encode(), peer))

    def token_of(self, uid: int) -> str:
        """The own token of a user, for as long as the key lives."""
        return f"labd-{uid}-{hmac.new(self._key, b'http %d' % uid, hashlib.sha256).hexdigest()}"

    def authenticate(self, exchange: Exchange, origin: object) -> Peer | None:
        """Who sends this request: whoever the token names, else *origin*, the peer of a Unix socket."""
        said = exchange.headers.get(b"authorization", b"")
        if not said and isinstance(origin, Peer):
            return origin
        if not said.lower().startswith(SCHEME):
            return None
        return self._bearer(said[len(SCHEME) :].strip())

    def _bearer(self, token: bytes) -> Peer | None:
        found = [known.peer for known in self._known if hmac.compare_digest(known.token, token)]
        if found:
            return found[0]
        parts = token.split(b"-")
        if len(parts) != 3 or not parts[1].isdigit() or len(parts[1]) > 10:
            return None
        uid = int(parts[1])
        return self._user(uid) if hmac.compare_digest(self.token_of(uid).encode(), token) else None

    # -- users -----------------------------------------------------------------------------------

    def _user(self, uid: int) -> Peer | None:
        if uid not in self._users:
            self._users[uid] = self._peer(uid, None)
        return self._users[uid]

    def _stands_for(self, setting: Setting) -> Peer | None:
        try:
            uid = pwd.getpwnam(setting.user).pw_uid if setting.user else self._own_uid
        except KeyError:
            return None
        return self._peer(uid, Role[setting.role.upper()])

    def _peer(self, uid: int, role: Role | None) -> Peer | None:
        """The user *uid*, with *role* or what [access] says; None when there is no such user any more."""
        name = user_name(uid)
        gid, groups = uid, tuple[int, ...]()
        try:
            gid = pwd.getpwuid(uid).pw_gid
            groups = tuple(os.getgrouplist(name, gid))
        except (KeyError, OSError):
            if uid != self._own_uid:
                return None  # only we ourselves need no entry: a container has users without one
        if role is None:
            admin = uid in (0, self._own_uid)
            role = Role.ADMIN if admin else role_of(name, group_names(groups), self._access)
        return Peer(pid=0, uid=uid, gid=gid, groups=groups, name=name, role=role)


def key_at(path: str) -> bytes:
    """The key in the file *path*, which is made, for us alone, where there is none that can be trusted.

    Raises StateError when it cannot be kept there.
    """
    try:
        return _kept(path) or _made(path)
    except OSError as error:
        raise StateError(
            f"no key for tokens can be kept at {path}: {error.strerror}", hint="daemon.runtime_dir"
        ) from error


def _kept(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    with open(fd, "rb") as file:
        about = os.fstat(fd)
        ours = about.st_uid == os.geteuid() and not stat.S_IMODE(about.st_mode) & 0o077
        key = file.read(64)
    if ours and len(key) == 64:
        return key
    log.warning("the key of HTTP tokens at %s was open to others, or cut off: a new one is made", path)
    os.unlink(path)
    return b""


def _made(path: str) -> bytes:
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    key = secrets.token_hex(32).encode()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(key)
    return key
