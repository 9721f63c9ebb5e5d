"""Asks the drivers which GPUs there are, and never waits for one that hangs.

The question is put by another process. A thread would not do: one that hangs inside the kernel keeps its
whole process from ending, be it killed, and with it the lock on the state.
"""

import os
import signal
import subprocess
from collections.abc import Sequence

import trio

from labd.resources.inventory import Answer, read

LIMIT = 2**20
"""Bytes of an answer; there are no machines with so many GPUs."""

GRACE = 1.0
"""Seconds for a killed process to end, unless the kernel holds it."""


class Asker:
    """One question at a time."""

    def __init__(self) -> None:
        self._stuck: trio.Process | None = None

    async def ask(self, command: Sequence[str], timeout: float) -> Answer:
        """What *command* says within *timeout* seconds, and what is missing from it. Raises nothing."""
        if self._stuck is not None and self._stuck.poll() is None:
            return Answer(problem="its driver still holds the process that asked it before")
        said, problem = bytearray(), f"its driver did not answer in {timeout:g} s"
        try:
            with trio.move_on_after(timeout):
                code = await self._run(command, said)
                problem = f"the probe of GPUs ended with {_ending(code)}" if code else ""
        except OSError as error:
            problem = f"{command[0]} cannot be run: {error.strerror}"
        return read(bytes(said[: said.rfind(b"\n") + 1]), problem)

    async def _run(self, command: Sequence[str], said: bytearray) -> int:
        process = await trio.lowlevel.open_process(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
        )
        self._stuck = process
        try:
            assert process.stdout is not None, "it was asked for"
            while len(said) < LIMIT and (data := await process.stdout.receive_some()):
                said += data
            return await process.wait()
        finally:
            await _end(process)


async def _end(process: trio.Process) -> None:
    """Kill what is left of it; it may not end even so."""
    with trio.move_on_after(GRACE, shield=True):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.stdout is not None:
        await trio.aclose_forcefully(process.stdout)


def _ending(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"signal {-code}"
