"""The three messages of MessagePack-RPC, and what labd says with them.

A request is ``[0, id, method, params]``, a reply ``[1, id, error, result]``, a notice
``[2, method, params]`` (https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md), so any
msgpack-rpc client can drive labd. ``params`` is an array that holds one map, or nothing.

Methods of the protocol itself, as ordinary messages:

========================  =========  ====================================================================
``hello``                 request    client, version, protocol -> labd, protocol, epoch, pid, user, role
``ping``                  request    -> {}
``subscribe``             request    topics, since, epoch, credit -> subscription, epoch, seq, oldest
``unsubscribe``           request    subscription -> {}
``event``                 notice     to the client: subscription, events (each a map with a ``seq``)
``lagged``                notice     to the client: subscription, first, last: these were skipped
``credit``                notice     to the daemon: subscription, events: so many more may come
``cancel``                notice     to the daemon: id: stop working on that request
========================  =========  ====================================================================

A reply with the id 0 answers no request: it says why the daemon is about to hang up.

``epoch`` names one life of the event log: a resume token is ``(epoch, seq)``, and a daemon with
another epoch cannot resume it and says so with a ``lagged`` notice from 0. An event with the ``seq`` 0 is
passing (a job's progress): it is not in the log, and whoever was not there does not get it.
"""

from typing import Any, NamedTuple

PROTOCOL = 1
"""Raised when a peer of an older number could no longer be understood."""

MAX_FRAME = 4 * 2**20
"""Bytes of one encoded message, unless a session is told otherwise."""

MAX_CONTAINERS = 65_536
"""Arrays and maps in one message: an empty map costs one byte to send and 64 to hold."""


class Request(NamedTuple):
    id: int
    method: str
    params: dict[str, Any]


class Reply(NamedTuple):
    id: int
    error: dict[str, Any] | None
    result: Any


class Notice(NamedTuple):
    method: str
    params: dict[str, Any]


Message = Request | Reply | Notice
