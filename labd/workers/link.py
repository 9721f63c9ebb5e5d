"""MessagePack-RPC with a worker, the daemon's side: calls, notices and requests, over any transport."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import trio

from labd.api.workers import Handler, Listener
from labd.errors import ProtocolError, WorkerError, WorkerLost
from labd.wire.messages import Message, Notice, Reply, Request
from labd.wire.session import CHUNK, Session, encode
from labd.wire.shapes import IDS
from labd.workers.outgoing import Outgoing
from labd.workers.pace import Pace
from labd.workers.pending import Pending
from labd.workers.questions import Questions
from labd.workers.shared import Receiver, Sender
from labd.workers.transport import Transport

LONGEST = 8000
"""Characters of what a worker says of an error."""

LEAST_PAUSE = 0.05
"""Seconds; it takes longer to fall asleep for less than to hear on."""

MAX_CONTAINERS = 2**20
MAX_LENGTH = 2**21


class Link:
    """Talks with the worker *name* over *transport*.

    *methods* answer what its code asks, *listen* hears what it tells.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        sender: Sender,
        receiver: Receiver,
        max_message: int,
        methods: Mapping[str, Handler],
        listen: Listener | None,
        log: logging.Logger,
    ) -> None:
        self._name, self._log = name, log
        self._transport, self._sender = transport, sender
        self._session = Session(max_message, MAX_CONTAINERS, MAX_LENGTH, extension=receiver.extension)
        self._out = Outgoing(name, transport, sender, receiver, max_message)
        self._questions = Questions(name, methods, self._out, log)
        self._listen, self._pace = listen, Pace()
        self._pending: dict[int, Pending] = {}
        self._last = 0

    @property
    def sent(self) -> int:
        """Bytes of messages that went."""
        return self._out.sent

    @property
    def received(self) -> int:
        """Bytes of messages that came."""
        return self._session.statistics().received

    async def run(self) -> str:
        """Read and write until the worker closes; the mistake that it made, or nothing."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._out.write)
            mistake = await self._read(nursery)
            nursery.cancel_scope.cancel(reason=f"worker {self._name} has closed")
        return mistake

    def end(self) -> None:
        """Say that no more requests will come."""
        self._transport.end()

    def start(self, method: str, params: dict[str, Any], settled: Callable[[], None]) -> Pending:
        """Send a request. Raises UsageError for what cannot travel, WorkerLost."""
        number = self._last % (IDS - 1) + 1
        data = self._out.encoded(Request(number, method, params))
        self._last = number
        pending = self._pending[number] = Pending(number, method, settled)
        self._out.send(data)
        return pending

    def give_up(self, pending: Pending) -> None:
        """Tell the worker that nobody waits for *pending*."""
        if not pending.done and self._out.lost is None:
            self._out.send(encode(Notice("_cancel", {"id": pending.number})))

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Send a notice. Raises UsageError, WorkerLost, Overloaded."""
        self._out.notify(method, params)

    def fail(self, why: str, hint: str = "") -> None:
        """The worker is gone: every call in flight, and every later one, gets to know *why*."""
        if self._out.lost is None:
            self._out.lost = WorkerLost(why, hint=hint)
        pending, self._pending = self._pending, {}
        for each in pending.values():
            each.settle(WorkerLost(f"{why}; it had not answered {each.method}", hint=hint), None)

    async def _read(self, nursery: trio.Nursery) -> str:
        while True:
            try:
                data = await self._transport.receive(CHUNK)
            except OSError as error:
                return f"its socket broke: {error}"
            if not data:
                return ""
            try:
                for message in self._session.feed(data):
                    self._take(message, nursery)
                    await self._keep_pace(message)
            except ProtocolError as error:
                return error.message.replace("the peer", "it")

    async def _keep_pace(self, message: Message) -> None:
        """After too many notices nothing is read: what it tells waits in its socket, then the worker does."""
        if not isinstance(message, Notice) or (message.method == "_free" and message.params.get("at")):
            return  # what we sent bounds the answers, and what can be given back
        pause = self._pace.take(trio.current_time())
        if pause > LEAST_PAUSE:
            await trio.sleep(pause)

    def _take(self, message: Message, nursery: trio.Nursery) -> None:
        if isinstance(message, Reply):
            self._settle(message)
        elif isinstance(message, Request):
            self._questions.take(message, nursery)
        elif message.method == "_free":
            self._sender.freed(message.params.get("at"))
        elif self._listen is not None:
            self._hear(message, self._listen)

    def _hear(self, notice: Notice, listen: Listener) -> None:
        try:
            listen(notice.method, notice.params)
        except Exception:
            self._log.exception("worker %s told %s, and the listener failed", self._name, notice.method)

    def _settle(self, reply: Reply) -> None:
        pending = self._pending.pop(reply.id, None)
        if pending is None:
            raise ProtocolError(f"the peer answered what nobody asked: id {reply.id}")
        error = None if reply.error is None else _raised(self._name, reply.error)
        pending.settle(error, reply.result)


def _raised(name: str, fault: dict[str, Any]) -> WorkerError:
    """What its code raised. A worker chooses the words, never the class of our errors."""
    data = fault.get("data")
    told = (
        {key: str(data.get(key, ""))[:LONGEST] for key in ("type", "traceback")}
        if isinstance(data, dict)
        else {}
    )
    return WorkerError(f"worker {name}: {str(fault.get('message'))[:LONGEST]}", data=told)
