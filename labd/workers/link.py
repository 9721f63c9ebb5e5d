"""MessagePack-RPC with a worker, the daemon's side: calls, notices and requests, over any transport."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import trio

from labd.api.workers import Handler, Listener
from labd.errors import (
    InternalError,
    LabdError,
    NotFound,
    Overloaded,
    ProtocolError,
    UsageError,
    WorkerError,
    WorkerLost,
)
from labd.wire.messages import Message, Notice, Reply, Request
from labd.wire.session import CHUNK, Session, encode
from labd.wire.shapes import IDS
from labd.workers.shared import Receiver, Sender
from labd.workers.transport import Transport

MOST_ASKED = 16
"""Requests of a worker in work at once; its code asks one at a time, in each of its threads."""

MOST_UNSENT = 16 * 2**20
"""Bytes of notices that wait for a worker that reads nothing."""

LONGEST = 8000
"""Characters of what a worker says of an error."""

MAX_CONTAINERS = 2**20
MAX_LENGTH = 2**21


class Pending:
    """One call on its way. *settled* is called when nothing more is to come of it."""

    def __init__(self, number: int, method: str, settled: Callable[[], None]) -> None:
        self.number, self.method = number, method
        self.error: LabdError | None = None
        self.result: Any = None
        self.done = False
        self._task: trio.lowlevel.Task | None = None
        self._settled = settled

    async def wait(self) -> Any:
        """The answer; raises what came instead of one."""
        if self.done:
            await trio.lowlevel.checkpoint()
        else:
            self._task = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._forget)
        if self.error is not None:
            raise self.error
        return self.result

    def settle(self, error: LabdError | None, result: Any) -> None:
        self.done, self.error, self.result = True, error, result
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)
            self._task = None
        self._settled()

    def _forget(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED


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
        self._transport = transport
        self._sender, self._receiver = sender, receiver
        self._max = max_message
        self._session = Session(max_message, MAX_CONTAINERS, MAX_LENGTH, extension=receiver.extension)
        self._methods, self._listen = methods, listen
        self._pending: dict[int, Pending] = {}
        self._last = 0
        self._asked = 0
        self._unsent = bytearray()
        self._more = trio.Event()
        self.lost: WorkerLost | None = None
        self.sent = 0

    @property
    def received(self) -> int:
        """Bytes of messages that came."""
        return self._session.statistics().received

    async def run(self) -> str:
        """Read and write until the worker closes; the mistake that it made, or nothing."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write)
            mistake = await self._read(nursery)
            nursery.cancel_scope.cancel(reason=f"worker {self._name} has closed")
        return mistake

    def end(self) -> None:
        """Say that no more requests will come."""
        self._transport.end()

    def start(self, method: str, params: dict[str, Any], settled: Callable[[], None]) -> Pending:
        """Send a request. Raises UsageError for what cannot travel, WorkerLost."""
        number = self._last % (IDS - 1) + 1
        data = self._encoded(Request(number, method, params))
        self._last = number
        pending = self._pending[number] = Pending(number, method, settled)
        self._send(data)
        return pending

    def give_up(self, pending: Pending) -> None:
        """Tell the worker that nobody waits for *pending*."""
        if not pending.done and self.lost is None:
            self._send(encode(Notice("_cancel", {"id": pending.number})))

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Send a notice. Raises UsageError, WorkerLost, Overloaded."""
        if len(self._unsent) > MOST_UNSENT:
            raise Overloaded(f"worker {self._name} reads nothing: {len(self._unsent)} bytes wait for it")
        self._send(self._encoded(Notice(method, params)))

    def fail(self, why: str, hint: str = "") -> None:
        """The worker is gone: every call in flight, and every later one, gets to know *why*."""
        if self.lost is None:
            self.lost = WorkerLost(why, hint=hint)
        pending, self._pending = self._pending, {}
        for each in pending.values():
            each.settle(WorkerLost(f"{why}; it had not answered {each.method}", hint=hint), None)

    def _encoded(self, message: Message) -> bytes:
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

    def _send(self, data: bytes) -> None:
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

    async def _write(self) -> None:
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
            except ProtocolError as error:
                return error.message.replace("the peer", "it")

    def _take(self, message: Message, nursery: trio.Nursery) -> None:
        if isinstance(message, Reply):
            self._settle(message)
        elif isinstance(message, Request):
            self._asked += 1
            if self._asked > MOST_ASKED:
                raise ProtocolError(f"the peer asked {self._asked} things at once")
            nursery.start_soon(self._answer, message)
        elif message.method == "_free":
            self._sender.freed(message.params.get("at"))
        elif self._listen is not None:
            try:
                self._listen(message.method, message.params)
            except Exception:
                self._log.exception("worker %s told %s, and the listener failed", self._name, message.method)

    def _settle(self, reply: Reply) -> None:
        pending = self._pending.pop(reply.id, None)
        if pending is None:
            raise ProtocolError(f"the peer answered what nobody asked: id {reply.id}")
        error = None if reply.error is None else _raised(self._name, reply.error)
        pending.settle(error, reply.result)

    async def _answer(self, request: Request) -> None:
        fault, result = None, None
        try:
            handler = self._methods.get(request.method)
            if handler is None:
                raise NotFound(f"the plugin offers no {request.method!r} to worker {self._name}")
            result = await handler(**request.params)
        except LabdError as error:
            fault = error.as_wire()
        except Exception as error:
            self._log.exception("worker %s asked %s, and that failed", self._name, request.method)
            fault = InternalError(f"{request.method}: {type(error).__name__}: {error}").as_wire()
        self._asked -= 1
        try:
            self._send(self._encoded(Reply(request.id, fault, result)))
        except UsageError as error:
            self._send(encode(Reply(request.id, error.as_wire(), None)))
        except WorkerLost:
            pass


def _raised(name: str, fault: dict[str, Any]) -> WorkerError:
    """What its code raised. A worker chooses the words, never the class of our errors."""
    data = fault.get("data")
    told = (
        {key: str(data.get(key, ""))[:LONGEST] for key in ("type", "traceback")}
        if isinstance(data, dict)
        else {}
    )
    return WorkerError(f"worker {name}: {str(fault.get('message'))[:LONGEST]}", data=told)
