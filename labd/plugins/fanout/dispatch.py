"""One map whose calls an engine makes: tasks are written down, handed over, watched and recorded.

What is with the engine is what has a folder. labd hands a task over once: when it did not hear the answer, or
was gone meanwhile, it looks what became of it.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

import trio

from labd.api import Engine, EngineGone, LabdError, Node, NotFound, Overloaded, Refused, Standing, Task
from labd.plugins.fanout import tasks, verdict
from labd.plugins.fanout.books import Books
from labd.plugins.fanout.chunks import Sizer
from labd.plugins.fanout.disk import Disk
from labd.plugins.fanout.model import Record
from labd.plugins.fanout.running import MOST_STARTS, Failed
from labd.plugins.fanout.tasks import Batch, Made

POLL = 10.0
"""Seconds after which the engine is asked though it said nothing."""

PAUSE = 1.0
"""Seconds until an engine that is gone, or takes no more, is asked again."""

MOST_CALLS = 5000
FIRST, MOST_FIRST = 8, 100
"""The first tasks are this part of what each will get, and so many calls at most."""

FINAL = ("ended", "cancelled", "evicted", "lost", "never")


class Dispatch:
    """Has the calls of a map made by its engine; *folder* is where its tasks are, *user* whose they are."""

    def __init__(
        self, node: Node, disk: Disk, record: Record, books: Books, folder: str, user: str,
        changed: Callable[[], None],
    ) -> None:  # fmt: skip
        self._node, self._disk, self.record, self._books = node, disk, record, books
        self._folder, self._user, self._changed = folder, user, changed
        self.todo, self.progress = books.todo, books.progress
        books.tell = self._tell
        self._flying: dict[str, Made] = {}
        self._over: list[Task] = []
        self._running: set[str] = set()
        self._sizer: Sizer | None = None
        self._more = trio.Event()
        self._false_starts = 0
        self._gone = False
        self.trouble = ""
        """Why nothing goes on, or not all of it."""

    @property
    def workers(self) -> int:
        """How many of its tasks run now."""
        return len(self._running)

    async def take_up(self) -> None:
        """Find what a former daemon left with the engine."""
        for task, batch in await self._disk.keep(tasks.find, self._folder, self.record, self._user):
            await self._find_again(task, batch)

    async def run(self, python: str, ended: Callable[[], Awaitable[None]]) -> None:
        """Call *ended* when every call is done. Raises Failed, in a group, when none can be made at all."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hand_over, python)
            nursery.start_soon(self._follow)
            while self.todo.done < self.todo.total:
                await self._more.wait()
            await ended()
            nursery.cancel_scope.cancel(reason="every call is done")

    async def see_off(self) -> None:
        """End all that is with the engine, and forget it, however long that takes."""
        while self._flying or self._over:
            asked = [made.task for made in self._flying.values()]
            try:
                await self._engine().driver.cancel(asked)
                found = await self._engine().driver.look(asked)
                self._over += [task for task in asked if _state(found, task) in FINAL]
                self._flying = {key: one for key, one in self._flying.items() if one.task not in self._over}
                await self._clear()
            except LabdError as error:
                self._node.log.info("map %d: its tasks cannot be ended yet: %s", self.record.id, error)
            await trio.sleep(PAUSE if self._flying or self._over else 0)

    # -- to the engine ---------------------------------------------------------------------------

    async def _hand_over(self, python: str) -> None:
        while True:
            made = self._next()
            if not made:
                await self._more.wait()
                continue
            try:
                await self._submit(self._engine(), made, python)
            except Overloaded as error:
                await self._take_back(made)
                await self._pause(error)
            except Refused as error:
                if not isinstance(error, EngineGone):
                    await self._take_back(made)
                    raise Failed(f"{error.message}; {error.hint}" if error.hint else error.message) from error
                await self._in_doubt(made, error)
            except LabdError as error:
                await self._in_doubt(made, error)
            else:
                self._handed_over(made)

    def _next(self) -> list[Made]:
        """The next tasks, as many as the engine may have more; none while it is gone."""
        try:
            engine = self._engine()
        except NotFound:
            return []
        at_once = self.record.spec.concurrency or engine.at_once
        room = 0 if self._gone else at_once - len(self._flying)
        made: list[Made] = []
        while self.todo.left and len(made) < room:
            made.append(self._made(engine, at_once))
        return made

    def _made(self, engine: Engine, at_once: int) -> Made:
        calls = self.todo.take(self._size(engine, at_once))
        task = tasks.task_of(self.record, self._folder, tasks.new_key(self.record), len(calls), self._user)
        return Made(task, Batch(calls, [self.todo.attempt(call) for call in calls]), [], calls)

    def _size(self, engine: Engine, at_once: int) -> int:
        """Calls for the next task; as long as nobody knows how long they take, a small part of all."""
        if self._sizer is None:
            return max(1, min(self.todo.left // (FIRST * at_once), MOST_FIRST))
        return self._sizer.size(self.todo.left, max(len(self._running), 1))

    async def _submit(self, engine: Engine, made: Sequence[Made], python: str) -> None:
        for one in made:
            one.lines = await self._books.lines(one.batch.calls)
        await self._disk.keep(tasks.make, self._folder, made, self.record.spec, python)
        await self._books.begin(sorted(call for one in made for call in one.batch.calls))
        await engine.driver.submit([one.task for one in made])

    async def _in_doubt(self, made: Sequence[Made], error: LabdError) -> None:
        """Some may be with the engine: looking tells."""
        self._handed_over(made)
        await self._pause(error)

    def _handed_over(self, made: Sequence[Made]) -> None:
        self._flying |= {one.task.key: one for one in made}
        self._tell()

    async def _take_back(self, made: Sequence[Made]) -> None:
        await self._disk.keep(tasks.remove, [one.task for one in made])
        for one in made:
            self.todo.give_back(one.waiting)

    async def _pause(self, error: LabdError) -> None:
        self._say(error.message, gone=True)
        await trio.sleep(PAUSE)

    # -- from the engine -------------------------------------------------------------------------

    async def _follow(self) -> None:
        seen = 0
        while True:
            if not self._flying and not self._gone:
                await self._more.wait()
                continue
            try:
                await self._look([made.task for made in self._flying.values()])
                with trio.move_on_after(POLL):
                    seen = await self._engine().driver.changed(seen)
            except Failed:
                raise
            except LabdError as error:
                await self._pause(error)

    async def _look(self, asked: Sequence[Task]) -> None:
        found = await self._engine().driver.look(asked)
        self._running = {task.key for task in asked if _state(found, task) == "running"}
        self._say(_unknown(found, asked))
        ended = [task for task in asked if _state(found, task) in FINAL]
        for task in ended:
            await self._end(self._flying.pop(task.key), found[task.key])
        if ended:
            await self._books.sync()
            self._over += ended
            self._tell()
        await self._clear()
        never = [found[task.key] for task in ended if found[task.key].state == "never"]
        if never:  # an engine that loses all that it gets is not asked without end
            self._say(next((one.reason for one in never if one.reason), ""))
            await trio.sleep(PAUSE)

    async def _end(self, made: Made, standing: Standing) -> None:
        """Record what *made* did."""
        if not made.waiting:
            return
        if standing.state == "never":
            self.todo.give_back(made.waiting)
            return
        known = set(made.batch.calls) - set(made.waiting)
        left = await self._disk.keep(tasks.read, made.task)
        found = verdict.judge(left, made.waiting, known, standing.reason)
        given = self._books.given(made.batch.calls, made.lines)
        self._books.take(_plain(standing.place or made.task.key), found.found, given)
        if standing.state == "cancelled":
            self._books.give_up(found.left, "Cancelled", standing.reason or "cancelled at the engine", given)
        else:
            self._learn(found)
            self._again(found.blameless if standing.state == "evicted" else found, given)

    def _again(self, found: verdict.Verdict, given: dict[int, bytes]) -> None:
        """What was not done is to be done again, or is an error."""
        self._books.lose(found.suspect, found.kind, found.said, given)
        if self.record.spec.repeat:
            self.todo.put_back(found.maybe)
        else:
            self._books.give_up(found.maybe, found.kind, found.said, given)
        self.todo.give_back(found.fresh)

    def _learn(self, found: verdict.Verdict) -> None:
        """How long calls take, and whether any can be made at all. Raises Failed."""
        if found.found:
            self._sizer = self._sizer or Sizer(self._engine().seconds, MOST_CALLS)
            self._sizer.ran(len(found.found), sum(outcome.seconds for outcome in found.found))
        self._false_starts = self._false_starts + 1 if found.broken else 0
        if found.fault is not None or self._false_starts >= MOST_STARTS:
            fault = found.fault
            said = {"type": fault.type, "traceback": fault.traceback} if fault else None
            raise Failed(f"{self.record.spec.function}: {found.broken}", said)

    async def _find_again(self, task: Task, batch: Batch) -> None:
        waiting = [
            call
            for call, attempt in zip(batch.calls, batch.attempts, strict=True)
            if self.todo.taken([call], attempt)
        ]
        lines = await self._books.lines(batch.calls)
        self._flying[task.key] = Made(task, batch, lines, waiting)
        if waiting:
            await self._books.begin(waiting)  # labd may have gone before that was noted

    async def _clear(self) -> None:
        """Forget what is recorded; what cannot be forgotten now, later."""
        if not self._over:
            return
        try:
            await self._engine().driver.forget(self._over)
        except LabdError as error:
            self._node.log.info("map %d: tasks cannot be forgotten yet: %s", self.record.id, error)
            return
        await self._disk.keep(tasks.remove, self._over)
        self._over = []

    def _engine(self) -> Engine:
        """Raises NotFound while its plugin is not there."""
        return self._node.engines.find(self.record.spec.engine)

    def _say(self, trouble: str, *, gone: bool = False) -> None:
        if (trouble, gone) != (self.trouble, self._gone):
            if trouble:
                self._node.log.warning("map %d waits: %s", self.record.id, trouble)
            self.trouble, self._gone = trouble, gone
            self._tell()

    def _tell(self) -> None:
        self._more.set()
        self._more = trio.Event()
        self._changed()


def _state(found: Mapping[str, Standing], task: Task) -> str:
    return found[task.key].state if task.key in found else "unknown"


def _unknown(found: Mapping[str, Standing], asked: Sequence[Task]) -> str:
    """Why nobody can say of some of *asked* how they stand, or nothing."""
    unknown = [found.get(task.key) for task in asked if _state(found, task) == "unknown"]
    reasons = [one.reason for one in unknown if one and one.reason]
    word = "task" if len(unknown) == 1 else "tasks"
    return f"{len(unknown)} {word}: {reasons[0] if reasons else 'the engine cannot say'}" if unknown else ""


def _plain(place: str) -> str:
    """What may stand in a line of results as it is."""
    return re.sub(r'[^\x20-\x7e]|["\\]', "_", place)[:200]
