"""In a process of the pool: what was taken from queues, and becomes of it when a piece of work is over."""

import socket
from collections.abc import Sequence
from typing import Protocol


class Taker(Protocol):
    held: bool

    def settle(self, done: bool) -> None: ...


_takers: list[Taker] = []
_sockets: list[socket.socket] = []
_held = False


def register(taker: Taker) -> bool:
    """Know of *taker*; whether pieces of work are settled here, and not by its owner."""
    _takers.append(taker)
    return _held


def inherited(sockets: Sequence[socket.socket]) -> None:
    """*sockets* are not for processes that are forked from here."""
    _sockets[:] = sockets


def hold() -> None:
    """This is a process of the pool: each piece of work is settled when it is over."""
    global _held  # noqa: PLW0603 - one process, one way
    _held = True
    _takers.clear()
    for each in _sockets:
        each.close()


def settle(done: bool) -> None:
    """What was taken is *done*, or goes back."""
    for taker in _takers:
        taker.settle(done)
