"""Messages as the arrays that travel, and back: every shape that MessagePack-RPC has, and no other.

https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md
"""

import reprlib
from typing import Any

from labd.errors import ProtocolError
from labd.wire.messages import Message, Notice, Reply, Request

IDS = 2**32
"""Ids of requests are below this, by the protocol."""

_LENGTHS = {0: 4, 1: 4, 2: 3}


def to_wire(message: Message) -> list[Any]:
    """*message* as an array."""
    if isinstance(message, Request):
        return [0, message.id, message.method, [message.params] if message.params else []]
    if isinstance(message, Reply):
        return [1, message.id, message.error, message.result]
    return [2, message.method, [message.params] if message.params else []]


def from_wire(value: Any) -> Message:
    """*value* as one of the three messages; :class:`ProtocolError` names what is wrong with it."""
    kind = value[0] if isinstance(value, list) and value else None
    if type(kind) is not int or _LENGTHS.get(kind) != len(value):
        raise ProtocolError(f"the peer sent what is no message of msgpack-rpc: {reprlib.repr(value)}")
    if kind == 2:
        return Notice(_method(value[1]), _params(value[2]))
    if kind == 0:
        return Request(_id(value[1]), _method(value[2]), _params(value[3]))
    if value[2] is not None and not isinstance(value[2], dict):
        raise ProtocolError(f"the peer sent an error that is neither a map nor nil: {reprlib.repr(value[2])}")
    return Reply(_id(value[1]), value[2], value[3])


def _id(value: Any) -> int:
    if type(value) is not int or not 0 <= value < IDS:
        raise ProtocolError(f"the peer sent an id that is not an int below 2**32: {reprlib.repr(value)}")
    return value


def _method(value: Any) -> str:
    if not isinstance(value, str):
        raise ProtocolError(f"the peer sent a method that is not a str: {reprlib.repr(value)}")
    return value


def _params(value: Any) -> dict[str, Any]:
    if not isinstance(value, list) or len(value) > 1 or not all(isinstance(part, dict) for part in value):
        raise ProtocolError(f"the peer sent params that are not an array of one map: {reprlib.repr(value)}")
    return value[0] if value else {}
