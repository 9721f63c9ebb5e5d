"""Tensors that come in pieces, since a message of the socket is bounded. Pure: time is told."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from labd.api import NotFound, Overloaded

IDLE = 60.0
"""Seconds after which data to which nothing was added, and of which nobody made use, is given up."""


@dataclass
class Staged:
    """What has come so far, and of whom."""

    uid: int
    touched: float
    data: bytearray = field(default_factory=bytearray)


class Staging:
    """Data by the names that were given for it; at most *most* bytes of all, half of them of one user."""

    def __init__(self, most: int = 512 * 2**20) -> None:
        self._most = most
        self._held: dict[str, Staged] = {}

    def add(self, uid: int, name: str, piece: bytes, now: float) -> str:
        """Add *piece* to what is called *name*, or to something new; its name.

        Raises NotFound, and Overloaded: too much is held already, and *name* is forgotten.
        """
        self._forget_old(now)
        if name:
            held = self._find(uid, name)
        else:
            name = secrets.token_hex(8)
            held = self._held[name] = Staged(uid, now)
        try:
            self._check_room(uid, len(piece))
        except Overloaded:
            del self._held[name]
            raise
        held.data += piece
        held.touched = now
        return name

    def take(self, uid: int, name: str) -> bytearray:
        """What is called *name*, which is forgotten. Raises NotFound."""
        self._find(uid, name)
        return self._held.pop(name).data

    def _find(self, uid: int, name: str) -> Staged:
        held = self._held.get(name)
        if held is None or held.uid != uid:
            raise NotFound(
                f"there is no data called {name!r}",
                hint=f"it is kept for {IDLE:g} s and used once: send it again, from the start",
            )
        return held

    def _check_room(self, uid: int, size: int) -> None:
        mine = sum(len(one.data) for one in self._held.values() if one.uid == uid)
        held = sum(len(one.data) for one in self._held.values())
        for what, now, most in (("you", mine, self._most // 2), ("all users", held, self._most)):
            if now + size > most:
                raise Overloaded(
                    f"{now} bytes of {what} wait for their requests, and {most} is the limit",
                    hint="ask for less at a time",
                    data={"retry_after": 1.0},
                )

    def _forget_old(self, now: float) -> None:
        for name in [name for name, one in self._held.items() if one.touched + IDLE < now]:
            del self._held[name]
