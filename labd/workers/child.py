"""The worker itself: one synchronous loop around other people's code.

Descriptors: 3 is the socket, 4 the arrays that come, 5 those that go. The daemon asks ``_start`` first;
names that begin with ``_`` are the protocol's, all others methods of the target.
"""

import os
import socket
import sys
import traceback
from _thread import allocate_lock
from collections import deque
from typing import Any

from labd import worker
from labd.wire.messages import Message, Notice, Reply, Request
from labd.wire.session import CHUNK, Session, encode
from labd.workers import shared
from labd.workers.target import find, pick

SOCKET, INCOMING, OUTGOING = 3, 4, 5
LONGEST_TRACE = 8000


class Loop:
    """Serves *connection* until the daemon closes it."""

    def __init__(
        self, connection: socket.socket, sender: shared.Sender, receiver: shared.Receiver, max_message: int
    ) -> None:
        self._connection = connection
        self._sender, self._receiver = sender, receiver
        self._max = max_message
        self._session = Session(2**32 - 1, 2**30, 2**30, 1024, receiver.extension)
        self._inbox: deque[Message] = deque()
        self._service: object = None
        self._current = self._asked = 0
        self._given_up: set[int] = set()
        self._open = True
        self._sending = allocate_lock()  # its code may tell something from a thread

    def serve(self) -> None:
        """Answer one request after the other."""
        while (message := self._next()) is not None:
            self._take(message)
            del message  # with it go its views, and they are told of with the next answer

    # -- what the worker's code asks for ---------------------------------------------------------

    def notify(self, method: str, params: dict[str, Any]) -> None:
        self._send(self._encoded(Notice(method, params)))

    def call(self, method: str, params: dict[str, Any]) -> Any:
        self._asked = number = self._asked + 1
        self._send(self._encoded(Request(number, method, params)))
        while True:
            if (reply := self._reply(number)) is not None:
                break
            if not self._open:
                raise SystemExit(0)
            self._receive()
        if reply.error is not None:
            raise worker.CallError(str(reply.error.get("message")), str(reply.error.get("code")))
        return reply.result

    def cancelled(self) -> bool:
        self._receive(socket.MSG_DONTWAIT)
        return self._current in self._given_up or not self._open

    # -- messages --------------------------------------------------------------------------------

    def _next(self) -> Message | None:
        while not self._inbox:
            if not self._open:
                return None
            self._receive()
        return self._inbox.popleft()

    def _reply(self, number: int) -> Reply | None:
        for message in self._inbox:
            if isinstance(message, Reply) and message.id == number:
                self._inbox.remove(message)
                return message
        return None

    def _receive(self, flags: int = 0) -> None:
        try:
            data = self._connection.recv(CHUNK, flags)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        self._open = bool(data)
        for message in self._session.feed(data):
            if isinstance(message, Notice) and message.method == "_cancel":
                self._given_up.add(message.params["id"])
            elif isinstance(message, Notice) and message.method == "_free":
                self._sender.freed(message.params["at"])
            else:
                self._inbox.append(message)

    def _take(self, message: Message) -> None:
        if isinstance(message, Request):
            self._current = message.id
            if message.id not in self._given_up:
                self._answer(message.id, message.method, message.params)
            else:
                self._send(self._fault(message.id, "cancelled", "nobody waits for it"))
            self._given_up.discard(message.id)
        elif isinstance(message, Notice):
            try:
                pick(self._service, message.method)(**message.params)
            except Exception:
                traceback.print_exc()

    def _answer(self, number: int, method: str, params: dict[str, Any]) -> None:
        try:
            result = self._do(method, params)
            params.clear()
            data = self._encoded(Reply(number, None, result))
            del result
        except Exception as error:
            data = self._failed(number, method, error)
        self._send(data)

    def _do(self, method: str, params: dict[str, Any]) -> Any:
        if method != "_start":
            return pick(self._service, method)(**params)
        sys.path[:0] = params["path"]
        self._service = find(params["target"], params["arguments"])
        return {"pid": os.getpid(), "python": sys.version.split()[0]}

    def _failed(self, number: int, method: str, error: Exception) -> bytes:
        trace = "".join(traceback.format_exception(error))[-LONGEST_TRACE:]
        text = f"{method}: {type(error).__name__}: {error}"
        error.__traceback__ = None  # its frames hold views
        return self._fault(number, "worker", text, {"type": type(error).__name__, "traceback": trace})

    def _fault(self, number: int, code: str, message: str, data: dict[str, Any] | None = None) -> bytes:
        fault = {
            "code": code,
            "title": "a worker's code failed",
            "message": message,
            "hint": "",
            "data": data,
        }
        return encode(Reply(number, fault, None))

    def _encoded(self, message: Message) -> bytes:
        data = b""
        try:
            data = encode(message, self._sender.default)
            if len(data) > self._max:
                raise ValueError(
                    f"a message of {len(data)} bytes is over max_message ({self._max}); larger arrays fit "
                    "into a larger `shared`"
                )
        finally:
            self._sender.settle(0 < len(data) <= self._max)
        return data

    def _send(self, data: bytes) -> None:
        with self._sending:
            if done := self._receiver.done():
                data = encode(Notice("_free", {"at": done})) + data
            self._connection.sendall(data)


def main() -> None:
    """Run the worker whose descriptors these are; the one argument is ``max_message`` in bytes."""
    run(int(sys.argv[1]))


def run(max_message: int) -> None:
    """Serve the daemon, then leave. What its code prints goes out line by line."""
    sender = shared.Sender(shared.attach(OUTGOING, shared.WRITE))
    receiver = shared.Receiver(shared.attach(INCOMING, shared.READ), copy=False)
    for fd in (INCOMING, OUTGOING):
        os.close(fd)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.set_inheritable(SOCKET, False)
    loop = Loop(socket.socket(fileno=SOCKET), sender, receiver, max_message)
    worker._speaker = loop
    try:
        loop.serve()
    except (BrokenPipeError, ConnectionResetError):
        pass  # the daemon went first
