"""One end of a MessagePack-RPC connection, without I/O: bytes in, messages out.

Messages follow each other without length prefix, as the published protocol has it. A session gets
whatever the transport read, in any pieces. The first mistake of the peer ends it: :meth:`Session.feed`
raises :class:`ProtocolError`, again at each later call, and the owner closes the connection. What came
in the same piece as the mistake is not delivered.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import msgpack

from labd.errors import ProtocolError
from labd.wire import arrays
from labd.wire.limits import REPLY_LIMITS, Guard, Limits, too_large
from labd.wire.messages import MAX_CONTAINERS, MAX_FRAME, Message, Request
from labd.wire.shapes import IDS, from_wire, to_wire

CHUNK = 65_536
"""Bytes looked at together, and a good size for a read: the frame limit is exact to within it."""

C_DEPTH = 1024
"""Levels of nesting that msgpack itself allows."""

T = TypeVar("T")


class SessionStatistics(NamedTuple):
    messages: int
    received: int
    pending: int


def encode(message: Message, default: Callable[[Any], Any] = arrays.convert) -> bytes:
    """*message* as it travels; TypeError, ValueError or OverflowError if it holds what cannot travel.

    *default* makes something that travels out of what msgpack does not know.
    """
    packed: bytes = msgpack.packb(to_wire(message), default=default)
    return packed


class Session:
    """Decodes what a peer sends, within limits, and numbers the requests sent to it.

    *max_frame* is in bytes and bounds also each str, bin and ext; *max_containers* counts the arrays and
    maps of a message; *max_length* counts the elements of one of them; *max_depth* their nesting.
    *extension* makes values of ext types.
    """

    def __init__(
        self,
        max_frame: int = MAX_FRAME,
        max_containers: int = MAX_CONTAINERS,
        max_length: int = Limits().length,
        max_depth: int = Limits().depth,
        extension: Callable[[int, bytes], Any] = arrays.extension,
    ) -> None:
        self._limits = Limits(max_frame, max_containers, max_length, max_depth)
        self._extension = extension
        self._finder = msgpack.Unpacker(max_buffer_size=max_frame + 2 * CHUNK, read_size=4096)
        self._guard = Guard(self._limits)
        self._tail = bytearray()
        self._containers = 0
        self._consumed = 0
        self._messages = 0
        self._last_id = 0
        self._broken = ""

    @classmethod
    def for_replies(cls) -> "Session":
        """The session of a client, which takes far longer answers than a daemon takes requests."""
        return cls(*REPLY_LIMITS)

    def request(self, method: str, params: dict[str, Any]) -> tuple[int, bytes]:
        """A new request: its id, counting up from 1, and its bytes."""
        number = self._last_id % (IDS - 1) + 1
        encoded = encode(Request(number, method, params))
        self._last_id = number
        return number, encoded

    def feed(self, data: bytes) -> list[Message]:
        """The messages that *data* completes; :class:`ProtocolError` when the peer broke the protocol."""
        if self._broken:
            raise ProtocolError(self._broken)
        try:
            return [message for chunk in _chunks(data) for message in self._take(chunk)]
        except ProtocolError as error:
            self._broken = error.message
            self._tail.clear()
            raise

    def statistics(self) -> SessionStatistics:
        """Messages and bytes decoded so far, and the bytes of the message that is not yet whole."""
        return SessionStatistics(self._messages, self._consumed, len(self._tail))

    def _take(self, chunk: bytes) -> list[Message]:
        self._finder.feed(chunk)
        self._tail += chunk
        messages = []
        start = 0
        for end in self._ends():
            messages.append(self._message(start, end))
            start = end
        self._drop(start, len(messages))
        if len(self._tail) > self._limits.frame:
            raise too_large(f"a message of more than {len(self._tail)} bytes", self._limits.frame, "bytes")
        self._guard.look(self._tail)
        return messages

    def _ends(self) -> Iterator[int]:
        """Where each whole message ends in the tail. Nothing is built to find out."""
        base = self._consumed
        while True:
            try:
                self._finder.skip()
            except msgpack.OutOfData:
                return
            except Exception as error:
                raise _undecodable(error) from None
            yield self._finder.tell() - base

    def _drop(self, end: int, messages: int) -> None:
        if messages:
            del self._tail[:end]
            self._consumed += end
            self._messages += messages
            self._guard = Guard(self._limits)

    def _message(self, start: int, end: int) -> Message:
        if end - start > self._limits.frame:
            raise too_large(f"a message of {end - start} bytes", self._limits.frame, "bytes")
        with memoryview(self._tail)[start:end] as frame:
            value = self._decode(frame)
        if self._limits.depth < min(self._containers, C_DEPTH):
            _check_depth(value, self._limits.depth)
        return from_wire(value)

    def _decode(self, frame: memoryview) -> Any:
        self._containers = 0
        limits = self._limits
        try:
            return msgpack.unpackb(
                frame,
                list_hook=self._count,
                object_hook=self._count_map,
                ext_hook=self._extension,
                max_array_len=limits.length,
                max_map_len=limits.length,
            )
        except ProtocolError:
            raise
        except Exception as error:
            raise _undecodable(error) from None

    def _count(self, container: T) -> T:
        self._containers += 1
        if self._containers > self._limits.containers:
            raise too_large("a message of too many arrays and maps", self._limits.containers, "of them")
        return container

    def _count_map(self, container: dict[Any, Any]) -> dict[Any, Any]:
        if bytes in map(type, container):  # msgpack takes these for keys; the handlers would not
            raise ProtocolError("the peer sent a map with a key that is not a str")
        return self._count(container)


def _chunks(data: bytes) -> Iterator[bytes]:
    if len(data) <= CHUNK:
        yield data
        return
    for start in range(0, len(data), CHUNK):
        yield data[start : start + CHUNK]


def _undecodable(error: Exception) -> ProtocolError:
    what = str(error) or {"StackError": "nested too deep"}.get(type(error).__name__, type(error).__name__)
    return ProtocolError(f"the peer sent what is not MessagePack, or goes over a limit: {what}")


def _check_depth(value: Any, limit: int) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > limit:
            raise too_large("nesting", limit, "levels")
        parts = (part for each in level for part in (each.values() if isinstance(each, dict) else each))
        level = [part for part in parts if isinstance(part, dict | list)]
