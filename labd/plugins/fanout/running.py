"""One map as it runs: its slots, each with a worker, and what they bring in."""

import math
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import trio

from labd.api import LabdError, Node, Refused, UsageError, Worker, WorkerError, WorkerLost, WorkerSpec
from labd.plugins.fanout import outcomes
from labd.plugins.fanout.books import Books
from labd.plugins.fanout.chunks import Sizer
from labd.plugins.fanout.crowd import Crowd, Turns
from labd.plugins.fanout.model import Record
from labd.plugins.fanout.outcomes import WrongOutcome

HERE = "labd.plugins.fanout"
GRACE = 2.0
"""Seconds over its time limit after which a call that heeds nothing is ended with its worker."""

HEAD_START = 0.02
"""Seconds that the first worker has for itself."""

MOST_STARTS = 3
"""Workers in a row that may end before they did anything."""

FIRST_DELAY = 0.2
FAREWELL = 0.2
"""Seconds that a worker has to take its files away."""

PASS = 1.0
"""Seconds that a worker's place is left to jobs at a time."""


class Failed(LabdError):
    """The map as a whole cannot go on; ``fault`` is what its code raised, if it did."""

    def __init__(self, reason: str, fault: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.fault = fault


class Chunk:
    """Calls that one worker has."""

    def __init__(self, calls: list[int], lines: list[bytes]) -> None:
        self.calls, self.lines = calls, lines
        self.waiting = set(calls)


class Post:
    """One worker, and the chunk that it has; ``patience`` ends when it was silent for too long."""

    def __init__(self) -> None:
        self.worker: Worker | None = None
        self.said = secrets.token_hex(8)
        self.chunk: Chunk | None = None
        self.patience = trio.CancelScope()

    @property
    def name(self) -> str:
        return self.worker.name if self.worker else ""


class Running:
    """Makes the calls of a map that *todo* has. :meth:`run` returns when all are done and recorded."""

    def __init__(
        self,
        node: Node,
        record: Record,
        books: Books,
        crowd: Crowd,
        changed: Callable[[], None],
    ) -> None:
        self._node, self.record, self.books, self.todo = node, record, books, books.todo
        self._crowd, self._changed = crowd, changed
        self.progress = books.progress
        books.tell = self._tell
        self._sizer = Sizer()
        self._more = trio.Event()
        self._generation = 0
        self._idle_starts = 0
        self._slots = 1
        self.data = ""
        self.trouble = ""

    async def run(self, python: str, ended: Callable[[], Awaitable[None]], *, user: str, slots: int) -> None:
        """Call *ended* when every call is done. Raises Failed, in a group, when none can be made at all."""
        self._slots = max(1, min(slots, self.todo.left))
        async with trio.open_nursery() as nursery:
            for number in range(self._slots if self.todo.left else 0):
                nursery.start_soon(self._slot, python, user)
                if number == 0:  # the first result comes sooner when one worker starts alone
                    with trio.move_on_after(HEAD_START):
                        await self._more.wait()
            while self.todo.done < self.todo.total:
                await self._more.wait()
            await ended()
            nursery.cancel_scope.cancel(reason="every call is done")

    # -- a slot ----------------------------------------------------------------------------------

    async def _slot(self, python: str, user: str) -> None:
        turns = Turns()
        while True:
            while not self.todo.left:
                await self._more.wait()
            post = Post()
            try:
                await self._man(post, self._spec(python, user, post.said), turns)
                await self._let_pass(turns)
            except LabdError as error:
                await self._trouble(error, post, self._reader(python, user))

    async def _man(self, post: Post, spec: WorkerSpec, turns: Turns) -> None:
        """Have a worker on *post* until another map, or a job, needs its place."""

        def heard(method: str, params: dict[str, Any]) -> None:
            self._heard(post, params)

        with self._crowd.place(self.record.id) as place:
            async with self._node.workers.start(spec, listen=heard) as post.worker:
                place.taken()
                try:
                    await self._work(post, post.worker, turns)
                finally:
                    await _part(post)

    async def _work(self, post: Post, worker: Worker, turns: Turns) -> None:
        began = trio.current_time()
        while not self._crowd.give_way(self.record.id):
            await self._serve(post, worker)
            if turns.over(trio.current_time() - began, self._wanted):
                return

    @property
    def _wanted(self) -> bool:
        """Whether a job waits that this map is to leave room for: one that says how many workers it has
        keeps them.
        """
        return not self.record.spec.concurrency and self._node.resources.wanted()

    async def _let_pass(self, turns: Turns) -> None:
        """Leave the room to jobs for a moment: a lease would go before them."""
        until = trio.current_time() + PASS
        while self._wanted and trio.current_time() < until:  # noqa: ASYNC110 - the ledger tells nobody
            await trio.sleep(PASS / 10)
        turns.passed(self._wanted)

    def _spec(self, python: str, user: str, said: str) -> WorkerSpec:
        spec = self.record.spec
        env = {**spec.env, "LABD_TEMPLATE": str(self._generation)}
        if self.data:
            env["LABD_DATA"] = self.data
        path = tuple(one for one in (spec.cwd, *spec.path) if one.strip("/"))
        seen = () if spec.sandbox == "limits" else (*path, *([self.data] if self.data else []))
        return WorkerSpec(
            target=f"{HERE}.child:Calls",
            arguments={
                "function": spec.function, "source": spec.source, "kwargs": spec.kwargs,
                "time_limit": spec.time_limit, "said": said,
            },
            name="map", python=python, path=path,
            warm=(f"{HERE}.child", *spec.modules, f"{HERE}.seen"),
            cwd=spec.cwd, env=env, user=user, sandbox=spec.sandbox, read=seen,
            cpus=spec.cpus, memory=spec.memory, gpus=spec.gpus, shared=0,
        )  # fmt: skip

    async def _serve(self, post: Post, worker: Worker) -> None:
        """Have *worker* make one chunk of calls."""
        while not self.todo.left:
            await self._more.wait()
        post.chunk = chunk = await self._next()
        began = trio.current_time()
        self._take(post, await self._ask(post, worker, chunk))
        self._sizer.ran(len(chunk.calls), trio.current_time() - began)
        self._idle_starts = 0
        post.chunk = None

    async def _next(self) -> Chunk:
        """Calls that are recorded as begun."""
        calls = self.todo.take(self._sizer.size(self.todo.left, self._slots))
        try:
            lines = await self.books.lines(calls)
            await self.books.begin(calls)
        except BaseException:
            self.todo.give_back(calls)
            raise
        return Chunk(calls, lines)

    async def _ask(self, post: Post, worker: Worker, chunk: Chunk) -> Any:
        bounds = list(self.record.spec.range) if self.record.spec.range else None
        with trio.CancelScope(deadline=self._deadline()) as post.patience:
            return await worker.call("run", calls=chunk.calls, lines=b"\n".join(chunk.lines), bounds=bounds)
        why = f"a call went on over its time limit of {self.record.spec.time_limit:g} s"
        worker.kill(why)
        await worker.wait_ended()
        raise WorkerLost(f"worker {worker.name} ended: {why}")

    def _deadline(self) -> float:
        """When a worker that tells nothing more has gone over the time limit of a call."""
        limit = self.record.spec.time_limit
        return trio.current_time() + limit + GRACE if limit else math.inf

    # -- what comes in ---------------------------------------------------------------------------

    def _heard(self, post: Post, params: dict[str, Any]) -> None:
        """A part of a chunk is done."""
        post.patience.deadline = self._deadline()
        try:
            self._take(post, params.get("outcomes"))
        except WorkerLost as error:
            if post.worker is not None:
                post.worker.kill(error.message)

    def _take(self, post: Post, told: Any) -> None:
        """Record what *told* says of the chunk of *post*. Raises WorkerLost when it cannot be."""
        chunk = post.chunk or Chunk([], [])
        try:
            found = outcomes.checked(told, chunk.waiting)
        except WrongOutcome as error:
            raise WorkerLost(f"worker {post.name} told what cannot be: {error}") from None
        chunk.waiting -= {outcome.call for outcome in found}
        self.books.take(post.name, found, self.books.given(chunk.calls, chunk.lines))

    async def _trouble(self, error: LabdError, post: Post, reader: WorkerSpec) -> None:
        """A worker did not come up, or is gone with what it had. Raises Failed."""
        if post.chunk is not None:
            await self._keep_last_words(post.said, post.chunk, reader)
            self._lose(error, post.chunk)
            return
        kind = str(error.data.get("type", ""))
        if kind == "Stale":
            self._generation += 1
        elif isinstance(error, UsageError | Refused):
            raise Failed(error.message)
        elif isinstance(error, WorkerError) and not isinstance(error, WorkerLost):
            said = error.message.partition("_start: ")[2] or error.message
            trace = str(error.data.get("traceback", ""))
            raise Failed(f"{self.record.spec.function}: {said}", {"type": kind, "traceback": trace})
        else:
            await self._start_again(error)

    async def _start_again(self, error: LabdError) -> None:
        self._idle_starts += 1
        if self._idle_starts >= MOST_STARTS:
            raise Failed(f"{error.message}; {error.hint}" if error.hint else error.message)
        await trio.sleep(FIRST_DELAY * 2**self._idle_starts)

    async def _keep_last_words(self, said: str, chunk: Chunk, reader: WorkerSpec) -> None:
        """Record what the call printed with which a worker went down, as far as anybody can still say."""
        try:
            async with self._node.workers.start(reader) as worker:
                found = await worker.call("last_words", timeout=GRACE, name=said)
        except LabdError as error:
            self._node.log.warning("what a lost call of a map printed is lost too: %s", error.message)
            return
        for outcome in outcomes.last_words(found, chunk.waiting):
            self.books.hear(outcome)

    def _reader(self, python: str, user: str) -> WorkerSpec:
        spec = self.record.spec
        return WorkerSpec(
            target=f"{HERE}.said", name="last-words", python=python, env=spec.env, user=user, shared=0
        )

    def _lose(self, error: LabdError, chunk: Chunk) -> None:
        """The worker that had *chunk* is gone."""
        kind = _kind(error.message)
        said = f"{error.message}; {error.hint}" if error.hint.startswith("it said") else error.message
        self.books.lose(sorted(chunk.waiting), kind, said, self.books.given(chunk.calls, chunk.lines))

    @property
    def workers(self) -> int:
        """How many work on it now."""
        return self._crowd.workers(self.record.id)

    def _tell(self) -> None:
        self._more.set()
        self._more = trio.Event()
        self._changed()


def _kind(message: str) -> str:
    """What a call is told to have died of, by what the end of its worker says."""
    if "time limit" in message:
        return "TimeLimit"
    return "OutOfMemory" if "more memory than it may" in message else "WorkerLost"


async def _part(post: Post) -> None:
    """Let a worker that has nothing to do take its files away."""
    if post.chunk is None and post.worker is not None:
        with trio.move_on_after(FAREWELL, shield=True), suppress(LabdError):
            await post.worker.call("leave")
