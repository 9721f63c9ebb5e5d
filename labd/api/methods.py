"""What a remote method is, who calls it, and with what rights."""

from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import Any

import msgspec


class Role(IntEnum):
    """What a caller may do; each includes the ones before it.

    ``VIEW`` looks, ``SUBMIT`` has jobs of its own, ``OPERATE`` acts on those of others, ``ADMIN`` on the
    daemon. ``NONE`` may do nothing.
    """

    NONE = 0
    VIEW = 1
    SUBMIT = 2
    OPERATE = 3
    ADMIN = 4


class Peer(msgspec.Struct, frozen=True):
    """Who is at the other end, by the kernel's word (``SO_PEERCRED``, ``SO_PEERGROUPS``)."""

    pid: int
    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    name: str = ""
    role: Role = Role.NONE


class Call(msgspec.Struct, frozen=True):
    """One request in progress: who asks, and a way to send notices to them.

    ``await call.notify("hello.progress", {"done": 3})`` reaches the caller before the answer does.
    """

    peer: Peer
    method: str
    notify: Callable[[str, dict[str, Any]], Awaitable[None]]
    connection: int = 0


class NoParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters of a method that takes none."""


class Method(msgspec.Struct, frozen=True):
    """A method that ``labctl call NAME`` reaches.

    ``handler`` is ``async def handler(call, params)`` and returns what msgpack can encode (also structs
    and numpy arrays). It is cancelled when the caller gives up or goes away. The errors of ``labd.api``
    reach the caller as they are, any other becomes an internal error. ``params`` is a
    :class:`msgspec.Struct` type: its fields are the parameters, checked before the handler runs, and its
    JSON Schema is what ``labctl methods`` prints. ``role`` is what a caller needs; it does not say whose
    things they may touch. ``doc`` is one sentence. ``name`` is the plugin's name, a dot, and more. A call
    that *lasts* is let end when labd stops, within the time that it has for that; others are cut off.
    """

    name: str
    handler: Callable[[Call, Any], Awaitable[Any]]
    params: type[msgspec.Struct] = NoParams
    role: Role = Role.VIEW
    doc: str = ""
    lasts: bool = False
