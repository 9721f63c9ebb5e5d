"""The life of one map in this daemon: from the files that it has to its end."""

import os
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import trio

from labd.api import LabdError, Node, WorkerError, WorkerSpec
from labd.api.engines import LOCAL
from labd.plugins.fanout import luggage, tasks
from labd.plugins.fanout.arguments import Arguments
from labd.plugins.fanout.books import Books
from labd.plugins.fanout.crowd import Crowd
from labd.plugins.fanout.disk import Disk
from labd.plugins.fanout.dispatch import Dispatch
from labd.plugins.fanout.folder import Grown
from labd.plugins.fanout.map import Map
from labd.plugins.fanout.model import MapSpec, Record, State
from labd.plugins.fanout.recorder import Recorder
from labd.plugins.fanout.running import HERE, Failed, Running
from labd.plugins.fanout.todo import Todo

PROGRESS_EVERY = 0.5
"""Seconds between two events about the progress of a map."""

SETUP_TIMEOUT = 3600.0
"""Seconds for pip."""


class Lives:
    """Runs maps. *slots* is how many workers one has unless it says so itself."""

    def __init__(self, node: Node, disk: Disk, recorder: Recorder, crowd: Crowd, slots: int) -> None:
        self._node, self._disk, self._recorder = node, disk, recorder
        self._crowd, self._slots = crowd, slots

    async def live(self, one: Map) -> None:
        """Run *one* to its end, or until labd stops."""
        if one.leaving is not None:
            one.leaving.cancel(reason="the map is made again")
        with trio.CancelScope() as one.scope:
            try:
                await self._make_calls(one)
            except* LabdError as group:
                await self._fail(one, group)
        one.scope = None
        if one.cancelled is not None and one.record.live:
            await self.end(one, "cancelled", one.cancelled)
        one.cancelled = None
        if one.record.spec.engine != LOCAL:
            await self.leave(one)

    async def end(self, one: Map, state: State, reason: str, error: dict[str, str] | None = None) -> None:
        """Record that *one* has ended so."""
        await self._recorder.commit()
        record = one.record
        record.succeeded, record.failed = one.succeeded, one.failed
        record.repeated = one.running.todo.repeated if one.running else record.repeated
        record.reason, record.error, record.ended = reason, error, self._node.clock.wall()
        record.state = state
        await self._disk.keep(one.folder.save, record)
        one.close()
        one.changed()
        await self.tell("map.ended", one)

    async def tell(self, kind: str, one: Map, **more: object) -> None:
        """Record an event about *one*. A store that refuses does not end a map: its files say it all."""
        try:
            await self._node.events.publish(kind, {**facts(one), **more})
        except LabdError as error:
            self._node.log.warning("%s of map %d is not recorded: %s", kind, one.record.id, error.message)

    async def leave(self, one: Map) -> None:
        """End what an engine still has of a map that has ended; a new round of it takes that over."""
        if not await self._disk.keep(tasks.any_left, one.folder.tasks):
            return
        with trio.CancelScope() as one.leaving:
            todo, arguments = Todo(one.record.total), Arguments(one.folder.arguments)
            grown = await self._disk.keep(_recall, one, todo, arguments)
            dispatch = self._dispatch(one, self._books(one, todo, grown, arguments))
            await dispatch.take_up()
            await dispatch.see_off()
        one.leaving = None

    async def _make_calls(self, one: Map) -> None:
        record = one.record
        todo, arguments = Todo(record.total), Arguments(one.folder.arguments)
        one.grown = grown = await self._disk.keep(_recall, one, todo, arguments)
        books = self._books(one, todo, grown, arguments)
        work: Callable[[str, Callable[[], Awaitable[None]]], Awaitable[None]]
        if record.spec.engine == LOCAL:
            one.running = running = Running(self._node, record, books, self._crowd, one.changed)
            work = partial(self._work_here, one, running)
        else:
            one.running = dispatch = self._dispatch(one, books)
            await dispatch.take_up()
            work = dispatch.run
        await self._give_up_unsure(one, books)
        python = await self._python(record.spec, worker_user(record))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell_progress, one)
            await work(python, partial(self._done, one, todo))
            nursery.cancel_scope.cancel(reason="the map has ended")

    async def _give_up_unsure(self, one: Map, books: Books) -> None:
        """Calls that labd had begun when it went are not made again where the map says so."""
        if not one.record.spec.repeat and one.grown is not None:
            calls = await self._disk.keep(one.folder.unsure, books.todo, one.grown, one.record.round)
            books.give_up(calls, "WorkerLost", "labd was gone while it was made", {})
            await books.sync()

    def _books(self, one: Map, todo: Todo, grown: Grown, arguments: Arguments) -> Books:
        return Books(one.record, todo, grown, arguments, self._recorder, self._node.clock)

    def _dispatch(self, one: Map, books: Books) -> Dispatch:
        user = worker_user(one.record)
        return Dispatch(self._node, self._disk, one.record, books, one.folder.tasks, user, one.changed)

    async def _work_here(
        self, one: Map, running: Running, python: str, ended: Callable[[], Awaitable[None]]
    ) -> None:
        user = worker_user(one.record)
        if one.record.spec.data:
            running.data = await self._data(one, user)
        await running.run(python, ended, user=user, slots=self._slots_of(one.record))

    def _slots_of(self, record: Record) -> int:
        return record.spec.concurrency or max(1, int(self._slots / max(record.spec.cpus, 1)))

    async def _done(self, one: Map, todo: Todo) -> None:
        word = "call" if todo.bad == 1 else "calls"
        if todo.bad:
            await self.end(one, "failed", f"{todo.bad} {word} failed")
        else:
            await self.end(one, "succeeded", "")

    async def _fail(self, one: Map, group: BaseExceptionGroup[LabdError]) -> None:
        error = next(iter(_leaves(group)))
        await self.end(one, "failed", error.message, error.fault if isinstance(error, Failed) else None)

    async def _python(self, spec: MapSpec, user: str) -> str:
        """The interpreter of a map; its environment is made where it is not there. Raises Failed."""
        if not spec.requirements:
            return spec.python
        maker = WorkerSpec(
            target=f"{HERE}.environments", name="environment", python=spec.python, env=spec.env, user=user
        )
        try:
            async with self._node.workers.start(maker) as worker:
                made = await worker.call("make", timeout=SETUP_TIMEOUT, requirements=list(spec.requirements))
        except WorkerError as error:
            said = {"type": "RequirementsError", "traceback": str(error.data.get("traceback", ""))}
            raise Failed(f"the requirements cannot be installed: {error.message}", said) from error
        return str(made)

    async def _data(self, one: Map, user: str) -> str:
        """Where the files are that came along. Raises Failed."""
        try:
            return await luggage.lay_out(self._node, one.record, one.folder.data, user)
        except (WorkerError, OSError) as error:
            raise Failed(f"the files of the map cannot be laid out: {error}") from error

    async def _tell_progress(self, one: Map) -> None:
        while True:
            await one.wait_changed()
            eta = one.eta(self._node.clock.boot())
            self._node.events.tell("map.progress", {**facts(one), "eta": eta})
            await trio.sleep(PROGRESS_EVERY)


def _recall(one: Map, todo: Todo, arguments: Arguments) -> Grown:
    """What the files of a map say: into *todo* and *arguments*. Blocks."""
    grown = one.folder.grown()
    if one.record.spec.range is None and one.record.total:
        arguments.load()
    one.folder.recall(todo, grown)
    return grown


def facts(one: Map) -> dict[str, object]:
    """What events say of a map."""
    record = one.record
    return {
        "map": record.id, "name": record.spec.name, "user": record.user, "state": record.state,
        "total": record.total, "succeeded": one.succeeded, "failed": one.failed,
    }  # fmt: skip


def worker_user(record: Record) -> str:
    """Whom the workers of a map run as: under root whoever submitted it, else the daemon's own user."""
    return record.user if os.geteuid() == 0 else ""


def _leaves(group: BaseExceptionGroup[LabdError]) -> Iterable[LabdError]:
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from _leaves(each)
        else:
            yield each
