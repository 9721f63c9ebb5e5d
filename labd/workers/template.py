"""Templates: processes that have imported what warm workers need, and are forked for each."""

import logging
import socket
from collections.abc import Callable
from typing import Any

import trio

from labd.api.workers import Ending, WorkerSpec
from labd.errors import WorkerLost
from labd.workers import endings, fork
from labd.workers.control import Control
from labd.workers.forker import READY
from labd.workers.output import Output
from labd.workers.pipes import open_pipes
from labd.workers.sandbox import ISOLATED

Key = tuple[object, ...]


def key_of(plugin: str, spec: WorkerSpec, gpus: tuple[int, ...]) -> Key:
    """What two workers must have in common to be forked from one template. Walls let in some *gpus* only."""
    return (
        plugin, spec.python, spec.path, spec.warm, spec.cwd, tuple(sorted(spec.env.items())), spec.user,
        spec.sandbox, spec.read, spec.write, spec.max_message,
        gpus if spec.sandbox in ISOLATED else (),
    )  # fmt: skip


class Template:
    """One template. :meth:`run` is its life; *fork* asks for its keeper."""

    def __init__(self, name: str, fork: Callable[[list[int]], socket.socket], log: logging.Logger) -> None:
        self.name, self._fork, self._log = name, fork, log
        self.users = 0
        self.ready = trio.Event()
        self.fault: WorkerLost | None = None
        self._socket: socket.socket | None = None
        self._control: Control | None = None

    def request(self, order: dict[str, Any], fds: list[int]) -> socket.socket:
        """Ask for a worker; its control socket. Raises WorkerLost."""
        if self._socket is None:
            raise self.fault or WorkerLost(f"{self.name} has ended")
        try:
            return fork.request(self._socket, order, fds)
        except OSError as error:
            raise WorkerLost(f"worker {order['name']}: {self.name} forks nothing: {error}") from error

    def kill(self) -> None:
        """End it, and all that was forked from it."""
        if self._control is not None:
            self._control.kill()

    async def run(self) -> None:
        """Live until it ends or we are cancelled; ``ready`` is set in any case, before or with the end."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        try:
            with open_pipes(2) as pipes, theirs:
                self._control = Control(self._fork([*pipes.writing, theirs.fileno()]))
                outputs = [Output(fd, self._say) for fd in pipes.keep()]
            async with trio.open_nursery() as nursery:
                for output in outputs:
                    nursery.start_soon(output.run)
                nursery.start_soon(self._await_ready, ours)
                said = await self._control.wait()
                with trio.move_on_after(0.5):
                    for output in outputs:
                        await output.ended.wait()
                self._lose(endings.LOST if said is None else endings.ending(said, "", walled=False), outputs)
                nursery.cancel_scope.cancel(reason=f"{self.name} has ended")
        except (OSError, WorkerLost) as error:
            self.fault = WorkerLost(f"{self.name} cannot be started: {error}")
        finally:
            self.fault = self.fault or WorkerLost(f"{self.name} was stopped")
            self._socket = None
            self.ready.set()
            if self._control is not None:
                self._control.close()
            trio.lowlevel.notify_closing(ours)
            ours.close()

    async def _await_ready(self, ours: socket.socket) -> None:
        await trio.lowlevel.wait_readable(ours)
        try:
            if ours.recv(64) == READY:
                self._socket = ours
                self.ready.set()
        except OSError:
            pass  # it has ended, which its keeper tells

    def _lose(self, ending: Ending, outputs: list[Output]) -> None:
        last = [line for output in outputs for line in output.last]
        self.fault = WorkerLost(
            f"{self.name} ended: {ending.reason}", hint=f"it said: {last[-1]}" if last else "see the log"
        )

    def _say(self, line: str) -> None:
        self._log.info("%s: %s", self.name, line)
