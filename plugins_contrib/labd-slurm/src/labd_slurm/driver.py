"""The engine: hands tasks to sbatch as arrays, and says how they stand."""

import os
from collections.abc import Mapping, Sequence
from functools import partial

import trio

from labd.api import EngineGone, Needs, Node, Overloaded, Refused, Standing, Task
from labd.api.engines import command
from labd_slurm import marks, sbatch, verdict
from labd_slurm.commands import Commands
from labd_slurm.marks import Look, Mark
from labd_slurm.queue import PREFIX, Queue
from labd_slurm.settings import Settings
from labd_slurm.squeue import Unanswered
from labd_slurm.verdict import Verdict, View

LARGEST = 1000
"""Tasks of one array, where Slurm does not say less."""

MISFIRES = 20
"""Tasks that Slurm says to have run, though none of them began, until that is taken for true."""

TEST_PATIENCE = 5.0
"""Seconds that the one who submits a map waits for Slurm's opinion of it."""

Group = tuple[Needs, float]


class Driver:
    """See :class:`labd.api.engines.Driver`."""

    def __init__(self, node: Node, settings: Settings) -> None:
        self._log, self._settings = node.log, settings
        self._commands = Commands(settings)
        self._queue = Queue(self._commands, settings.ask_every)
        self._largest: int | None = None
        self._ours: set[str] = set()
        self._misfires = 0
        self._wall = node.clock.wall
        self.run = self._queue.run
        """The service."""

    async def check(self, needs: Needs) -> None:
        if missing := self._commands.missing():
            raise Refused(
                f"Slurm is not here: there is no {missing}",
                hint="install Slurm's commands (Debian: slurm-client), or set plugins.slurm.bin",
            )
        options = sbatch.argv(self._settings, needs, 0)
        try:
            said = await self._commands.submit(["--test-only", *options], "#!/bin/sh\n", TEST_PATIENCE)
        except Unanswered:
            return
        if said.code and sbatch.refusal(said.words) == "never":
            raise Refused(f"Slurm refuses such tasks: {sbatch.reason(said.words)}", hint=_asked(options))

    # -- handing over ----------------------------------------------------------------------------

    async def submit(self, tasks: Sequence[Task]) -> None:
        if missing := self._commands.missing():
            raise EngineGone(f"Slurm is not here any more: there is no {missing}")
        groups: dict[Group, list[Task]] = {}
        for task in await self._new(tasks):
            groups.setdefault((task.needs, task.time_limit), []).append(task)
        for (needs, limit), group in groups.items():
            size = await self._most()
            for first in range(0, len(group), size):
                await self._hand_over(group[first : first + size], sbatch.argv(self._settings, needs, limit))

    async def _new(self, tasks: Sequence[Task]) -> list[Task]:
        """Those of *tasks* that Slurm does not have. One of an array that it has lost is given to it again:
        whichever comes first begins, and the other finds that out.
        """
        known = await self._marks(tasks)
        if not known:
            return list(tasks)
        self._queue.follow(known)
        await self._queue.ask()
        if self._queue.away:
            raise EngineGone(f"Slurm does not answer: {self._queue.away}")
        return [task for task in tasks if task.key not in known or self._queue.seen(task.key) is None]

    async def _hand_over(self, tasks: Sequence[Task], options: Sequence[str]) -> None:
        name = f"{PREFIX}{os.urandom(12).hex()}"
        made = {task.key: Mark(name, index, self._wall()) for index, task in enumerate(tasks)}
        await trio.to_thread.run_sync(_mark, tasks, made)
        folders = [task.folder for task in tasks]
        script = sbatch.script([command(folder, self._settings.python) for folder in folders], folders)
        try:
            said = await self._commands.submit([*sbatch.array(name, len(tasks)), *options], script)
        except Unanswered as error:
            raise EngineGone(f"Slurm does not answer: {error}") from error
        self._queue.follow(made, taken=not said.code)
        if said.code:
            self._refuse(said.words, options)

    def _refuse(self, said: str, options: Sequence[str]) -> None:
        reason = sbatch.reason(said)
        match sbatch.refusal(said):
            case "away":
                raise EngineGone(f"Slurm does not answer: {reason}")
            case "full":
                raise Overloaded(f"Slurm takes no more now: {reason}")
            case "never":
                raise Refused(f"sbatch refuses: {reason}", hint=_asked(options))

    async def _most(self) -> int:
        """How many tasks an array may have."""
        if self._largest is None:
            try:
                found = await self._commands.largest_array()
            except Unanswered as error:
                raise EngineGone(f"Slurm does not answer: {error}") from error
            self._largest = max(1, min(found or LARGEST, LARGEST))
        return self._largest

    # -- looking ---------------------------------------------------------------------------------

    async def look(self, tasks: Sequence[Task]) -> Mapping[str, Standing]:
        self._queue.follow(await self._marks(tasks))
        looks = await trio.to_thread.run_sync(_looks, tasks)
        if any(look.found in ("running", "ended") for look in looks.values()):
            self._misfires = 0
        return {task.key: await self._standing(task, looks[task.key]) for task in tasks if task.key in looks}

    def _unexplained(self, key: str, view: View) -> bool:
        """Whether somebody else ends it, and Slurm will say who."""
        return (
            key not in self._ours and not view.away and view.seen is not None and not verdict.over(view.seen)
        )

    async def _standing(self, task: Task, look: Look) -> Standing:
        view = self._queue.view(task.key)
        if look.told and self._unexplained(task.key, view):
            self._queue.hurry()
            return Standing("running", "Slurm ends it", view.seen.node if view.seen else "")
        found = verdict.judge(look.found, view, self._settings.lost_after, look.told)
        if found.act:
            found = await self._act(task, found)
        return Standing(found.state, found.reason, found.place)

    async def _act(self, task: Task, found: Verdict) -> Verdict:
        """Do what the verdict asks for; another verdict when the task was faster."""
        seen, state = self._queue.seen(task.key), ""
        if found.act == "fail":
            found, state = await self._fail(task, found)
        if found.act == "void":
            state = await trio.to_thread.run_sync(marks.forbid, task)
        if seen is not None and not verdict.over(seen):
            await self._end([task])
        if state == verdict.DONE[found.act]:
            return found
        return verdict.judge(state, self._queue.view(task.key), self._settings.lost_after)

    async def _fail(self, task: Task, found: Verdict) -> tuple[Verdict, str]:
        """Make what Slurm says the end of *task*. A controller that died may say of one job what is true of
        another: so an end without a word of the task itself must come again and again to be believed.
        """
        said = await trio.to_thread.run_sync(marks.said, task)
        self._misfires += not said
        if not said and self._misfires < MISFIRES:
            return found._replace(state="never", act="void"), ""
        hint = f"it said: {said}" if said else f"does the node see {task.folder}?"
        return found, await trio.to_thread.run_sync(marks.fail, task, f"{found.reason}; {hint}")

    async def changed(self, seen: int) -> int:
        await trio.sleep(self._settings.look_every)
        return seen + 1

    # -- ending ----------------------------------------------------------------------------------

    async def cancel(self, tasks: Sequence[Task]) -> None:
        self._ours.update(task.key for task in tasks)
        await trio.to_thread.run_sync(_forbid, tasks)
        self._queue.follow(await self._marks(tasks))
        await self._queue.ask()
        await self._end(tasks)
        if self._queue.away:
            raise EngineGone(f"Slurm does not answer: {self._queue.away}")

    async def _end(self, tasks: Sequence[Task]) -> None:
        """Have Slurm end those of *tasks* that it still has."""
        for name, jobs in self._queue.live(task.key for task in tasks).items():
            try:
                await self._commands.cancel(name, jobs)
            except Unanswered as error:
                raise EngineGone(f"Slurm does not answer: {error}") from error

    async def forget(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            self._queue.forget(task.key)
            self._ours.discard(task.key)

    async def _marks(self, tasks: Sequence[Task]) -> dict[str, Mark]:
        unknown = [task for task in tasks if task.key not in self._queue]
        found = await trio.to_thread.run_sync(partial(_read, unknown)) if unknown else {}
        return found | {task.key: self._queue.mark(task.key) for task in tasks if task.key in self._queue}


def _asked(options: Sequence[str]) -> str:
    return f"it was asked for {' '.join(options)}"


def _mark(tasks: Sequence[Task], made: Mapping[str, Mark]) -> None:
    for task in tasks:
        marks.put(task, made[task.key])


def _read(tasks: Sequence[Task]) -> dict[str, Mark]:
    return {task.key: mark for task in tasks if (mark := marks.read(task)) is not None}


def _looks(tasks: Sequence[Task]) -> dict[str, Look]:
    """Those that can be looked at; of the others nobody can say anything now."""
    found = {}
    for task in tasks:
        try:
            found[task.key] = marks.look(task)
        except OSError:
            continue
    return found


def _forbid(tasks: Sequence[Task]) -> None:
    for task in tasks:
        marks.forbid(task)
