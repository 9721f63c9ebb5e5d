"""What goes to a worker: encoded, counted, and kept while its socket is full."""

from typing import Any

import trio

from labd.errors import Overloaded, UsageError, WorkerLost
from labd.wire.messages import Message, Notice
from labd.wire.session import encode
from labd.workers.shared import Receiver, Sender
from labd.workers.transport import Transport

MOST_UNSENT = 16 * 2**20
"""Bytes of notices that wait for a worker that reads nothing."""


class Outgoing:
    """Sends to the worker *name*; with each message it says which arrays of *receiver* are done with."""

    def __init__(
        self, name: str, transport: Transport, sender: Sender, receiver: Receiver, max_message: int
    ) -> None:
        self._name, self._transport = name, transport
        self._sender, self._receiver = sender, receiver
        self._max = max_message
        self._unsent = bytearray()
        self._more = trio.Event()
        self.lost: WorkerLost | None = None
        self.sent = 0

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Send a notice. Raises UsageError, WorkerLost, Overloaded."""
        if len(self._unsent) > MOST_UNSENT:
            raise Overloaded(f"worker {self._name} reads nothing: {len(self._unsent)} bytes wait for it")
        self.send(self.encoded(Notice(method, params)))

    def encoded(self, message: Message) -> bytes:
        """*message* in bytes. Raises UsageError for what cannot travel, WorkerLost."""
        if self.lost is not None:
            raise WorkerLost(self.lost.message, hint=self.lost.hint)
        data = b""
        try:
            data = encode(message, self._sender.default)
        except (TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"{message[-2]} of worker {self._name}: cannot be sent: {error}") from error
        finally:
            fits = 0 < len(data) <= self._max
            self._sender.settle(fits)
        if not fits:
            raise UsageError(
                f"worker {self._name}: a message of {len(data)} bytes is over its max_message of {self._max}",
                hint="raise max_message, or `shared` for arrays",
            )
        return data

    def send(self, data: bytes) -> None:
        """Send now what can be, and the rest as soon as it can."""
        if done := self._receiver.done():
            data = encode(Notice("_free", {"at": done})) + data
        self.sent += len(data)
        try:
            count = 0 if self._unsent else self._transport.send_nowait(data)
        except OSError:
            return  # it has ended; the reader will find out
        if count < len(data):
            self._unsent += data[count:]
            self._more.set()

    async def write(self) -> None:
        """Send what could not be at once, until cancelled."""
        while True:
            await self._more.wait()
            self._more = trio.Event()
            while self._unsent:
                data = bytes(self._unsent)
                try:
                    await self._transport.send_all(data)
                except OSError:
                    return
                del self._unsent[: len(data)]
