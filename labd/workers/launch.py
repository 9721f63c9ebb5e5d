"""The descriptors of a worker: made, handed to a keeper, and kept on our side."""

import logging
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import NamedTuple

from labd.api.workers import Handler, Listener, WorkerSpec
from labd.workers import shared
from labd.workers.control import Control
from labd.workers.output import Output
from labd.workers.pipes import open_pipes
from labd.workers.transport import SocketTransport, Transport


class Start(NamedTuple):
    """What it takes to start a worker.

    *fork* gets its descriptors from 1 on, and gives its control socket. *changed* hears of each new state.
    *wrapped*: bubblewrap stands between the worker and its keeper, and passes its end on.
    """

    spec: WorkerSpec
    name: str
    gpus: tuple[int, ...]
    fork: Callable[[list[int]], socket.socket]
    methods: Mapping[str, Handler]
    listen: Listener | None
    log: logging.Logger
    changed: Callable[[], object] = lambda: None
    wrapped: bool = False


class Parts(NamedTuple):
    """A worker that was asked for, as the daemon holds it."""

    control: Control
    transport: Transport
    sender: shared.Sender
    receiver: shared.Receiver
    outputs: tuple[Output, ...]

    def close(self) -> None:
        self.control.close()
        self.transport.close()


def launch(start: Start) -> Parts:
    """Ask for the worker. Raises OSError, WorkerLost; then nothing is left open."""
    rpc, far = socket.socketpair()
    with ExitStack() as theirs, ExitStack() as ours:
        theirs.callback(far.close)
        ours.callback(rpc.close)
        pipes = theirs.enter_context(open_pipes(0 if start.spec.output else 2))
        memories = [_memory(theirs, start.name, start.spec.shared) for _ in range(2)]
        fds = [*(pipes.writing or [far.fileno()] * 2), far.fileno(), *memories]
        sender = shared.Sender(shared.attach(memories[0], shared.WRITE))
        memory = shared.attach(memories[1], shared.READ)
        receiver = shared.Receiver(memory, copy=True, plain=start.spec.blocks)
        control = Control(start.fork(fds))
        ours.pop_all()
        outputs = tuple(Output(fd, _sayer(start)) for fd in pipes.keep())
    return Parts(control, SocketTransport(rpc), sender, receiver, outputs)


def _memory(theirs: ExitStack, name: str, size: int) -> int:
    fd = shared.create(name, size)
    theirs.callback(os.close, fd)
    return fd


def _sayer(start: Start) -> Callable[[str], None]:
    def say(line: str) -> None:
        start.log.info("worker %s: %s", start.name, line)

    return say
