"""Which tasks may begin, and where: noted in their folders before anybody is told.

A task that has no grant never begins, whatever Dask still holds of it; one that has one can have begun in
that spool and nowhere else. So what became of it can be known when scheduler, workers and labd were all gone.
"""

import json
import os

import trio

from labd.api import Task
from labd.api.engines import put, standing, void

NAME = "engine.granted"


class Grants:
    """The tasks that labd waits for, and in which spools they may begin."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}
        self._spools: dict[str, str] = {}
        self._turn = trio.Lock()

    async def know(self, tasks: list[Task]) -> None:
        """Hear of *tasks*, and of what a former daemon granted."""
        for task in tasks:
            if task.key not in self._tasks:
                spool = await trio.to_thread.run_sync(_read, task.folder)
                self._tasks[task.key] = task
                if spool:
                    self._spools[task.key] = spool

    def forget(self, tasks: list[Task]) -> None:
        for task in tasks:
            self._tasks.pop(task.key, None)
            self._spools.pop(task.key, None)

    def spool(self, key: str) -> str:
        """Where *key* may have begun; empty is nowhere."""
        return self._spools.get(key, "")

    async def ask(self, key: str, spool: str) -> bool:
        """Whether *key* may begin in *spool*, durably. What nobody knows may not."""
        async with self._turn:
            task = self._tasks.get(key)
            if task is None:
                return False
            if key not in self._spools and await trio.to_thread.run_sync(_grant, task.folder, spool):
                self._spools[key] = spool
            return self._spools.get(key) == spool

    async def refuse(self, key: str) -> bool:
        """See to it that *key* never begins; False when it may have."""
        async with self._turn:
            if key in self._spools:
                return False
            await trio.to_thread.run_sync(void, self._tasks[key].folder)
            return True


def _read(folder: str) -> str:
    try:
        with open(os.path.join(folder, NAME), "rb") as file:
            return str(json.loads(file.read())["spool"])
    except FileNotFoundError:
        return ""


def _grant(folder: str, spool: str) -> bool:
    if standing(folder) != "waiting":
        return False
    put(folder, NAME, json.dumps({"spool": spool}).encode())
    return True
