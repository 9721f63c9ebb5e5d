"""Who is at the other end of a socket, and what they may do."""

import grp
import os
import pwd
import socket
import struct
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Protocol

from labd.api.methods import Peer, Role
from labd.jobs.order import User

SO_PEERGROUPS = 59
MAX_GROUPS = 65_536


class HasOptions(Protocol):
    """Any socket, the standard library's or trio's."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes: ...


class AccessLists(Protocol):
    """Who has which role: user names, ``@group``, or ``*`` for everybody."""

    @property
    def view(self) -> Sequence[str]: ...
    @property
    def submit(self) -> Sequence[str]: ...
    @property
    def operate(self) -> Sequence[str]: ...
    @property
    def admin(self) -> Sequence[str]: ...


def credentials(sock: HasOptions) -> tuple[int, int, int, tuple[int, ...]]:
    """Pid, uid, gid and supplementary groups, by the kernel's word (unix(7): ``SO_PEERCRED``)."""
    pid, uid, gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        raw = sock.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, 4 * 256)
    except OSError:
        return pid, uid, gid, ()  # an old kernel, or more groups than fit: the primary one counts
    return pid, uid, gid, struct.unpack(f"{len(raw) // 4}I", raw)


@lru_cache(maxsize=4096)
def user_name(uid: int) -> str:
    """The name of a user; remembered, since asking may mean asking a server."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@lru_cache(maxsize=4096)
def base_environment(user: str) -> dict[str, str]:
    """What a process of *user* can expect to find in its environment, whatever it was sent with."""
    base = {"PATH": "/usr/local/bin:/usr/bin:/bin", "USER": user, "LOGNAME": user}
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        return base
    return base | {"HOME": found.pw_dir, "SHELL": found.pw_shell or "/bin/sh"}


def runs_as(uid: int, gid: int, name: str, own_uid: int | None = None) -> User | None:
    """Whom a job of this user runs as: under root as that user, with all of their groups.

    A daemon that is not root cannot become anybody else: its jobs run as its own user.
    """
    if (os.getuid() if own_uid is None else own_uid) != 0 or uid == 0:
        return None
    try:
        groups = tuple(os.getgrouplist(name, gid))
    except (KeyError, OSError):
        groups = (gid,)  # a user without a name has no other groups
    return User(uid, gid, groups)


@lru_cache(maxsize=4096)
def group_names(gids: tuple[int, ...]) -> frozenset[str]:
    """The names of groups; remembered like those of users, until the configuration is read again."""
    names = set()
    for gid in gids:
        try:
            names.add(grp.getgrgid(gid).gr_name)
        except KeyError:
            continue  # a group without a name cannot be in the configuration
    return frozenset(names)


def forget_names() -> None:
    """Ask again from now on: somebody may have joined a group."""
    for remembered in (user_name, group_names, base_environment):
        remembered.cache_clear()


def role_of(name: str, groups: AbstractSet[str], access: AccessLists) -> Role:
    """The highest role that the configuration gives to this user. Pure."""
    known = {"*", name} | {f"@{group}" for group in groups}
    granted = (
        (Role.ADMIN, access.admin),
        (Role.OPERATE, access.operate),
        (Role.SUBMIT, access.submit),
        (Role.VIEW, access.view),
    )
    return next((role for role, names in granted if known & set(names)), Role.NONE)


def identify(sock: HasOptions, access: AccessLists, own_uid: int) -> Peer:
    """The peer of a connected Unix socket. Root and the daemon's own user are always admin."""
    pid, uid, gid, groups = credentials(sock)
    name = user_name(uid)
    role = Role.ADMIN if uid in (0, own_uid) else role_of(name, group_names((gid, *groups)), access)
    return Peer(pid=pid, uid=uid, gid=gid, groups=groups, name=name, role=role)
