"""Writes down what becomes of the calls of a map: on the disk first, and only then does it count."""

from collections.abc import Callable, Sequence
from functools import partial

import msgspec
import trio

from labd.api import Clock
from labd.plugins.fanout import outcomes
from labd.plugins.fanout.arguments import Arguments, runs
from labd.plugins.fanout.folder import Begun, Grown
from labd.plugins.fanout.model import MapSpec, Record
from labd.plugins.fanout.outcomes import Outcome
from labd.plugins.fanout.progress import Progress
from labd.plugins.fanout.recorder import Recorder
from labd.plugins.fanout.todo import Todo


class Books:
    """The calls of one map as *todo* counts them and as its files *grown* have them."""

    def __init__(
        self,
        record: Record,
        todo: Todo,
        grown: Grown,
        arguments: Arguments,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._record, self.todo, self._grown = record, todo, grown
        self._arguments, self._recorder = arguments, recorder
        self._clock = clock
        self.tell: Callable[[], object] = lambda: None
        """Called when calls were settled."""
        self._turn = trio.CapacityLimiter(1)
        self.progress = Progress(clock.boot(), todo.done)

    @property
    def spec(self) -> MapSpec:
        return self._record.spec

    async def lines(self, calls: Sequence[int]) -> list[bytes]:
        """The arguments of *calls*; none where there is a range."""
        if self.spec.range is not None:
            return []
        return await trio.to_thread.run_sync(self._arguments.read, calls, limiter=self._turn)

    async def begin(self, calls: Sequence[int]) -> None:
        """Note, durably, that *calls* are given to somebody now."""
        await self._recorder.commit((self._grown.begun, self._begun(calls)))

    async def sync(self) -> None:
        """Return when all that was written is durable."""
        await self._recorder.commit()

    def given(self, calls: Sequence[int], lines: Sequence[bytes]) -> dict[int, bytes]:
        """The arguments of *calls* that go beside the results."""
        if not self.spec.keep_arguments:
            return {}
        if bounds := self.spec.range:
            return {call: str(bounds[0] + call * bounds[2]).encode() for call in calls}
        return dict(zip(calls, lines, strict=True))

    def take(self, worker: str, found: Sequence[Outcome], given: dict[int, bytes]) -> None:
        """Calls that were made: recorded, or to be made again."""
        final, logs = [], []
        for outcome in found:
            attempt = self.todo.attempt(outcome.call)
            logs.append(outcomes.log(outcome, attempt))
            if outcome.good or not self.todo.again(outcome.call, self.spec.retries):
                final.append((outcome, outcomes.line(outcome, attempt, worker, given.get(outcome.call))))
        results = b"".join(line for _, line in final)
        settled = partial(self._settled, [(outcome.call, outcome.good) for outcome, _ in final])
        self._recorder.put((self._grown.results, results), (self._grown.logs, b"".join(logs)), done=settled)

    def hear(self, outcome: Outcome) -> None:
        """What a call printed, of which nothing else is known."""
        line = outcomes.log(outcome, self.todo.attempt(outcome.call))
        self._recorder.put((self._grown.logs, line), done=lambda: None)

    def lose(self, calls: Sequence[int], kind: str, said: str, given: dict[int, bytes]) -> None:
        """*calls* may have been made, and nothing came back: errors, or to be made again."""
        over = self.todo.lost(calls, self.spec.retries) if self.spec.repeat else list(calls)
        self.give_up(over, kind, said, given)

    def give_up(self, calls: Sequence[int], kind: str, said: str, given: dict[int, bytes]) -> None:
        """*calls* are errors of this *kind*."""
        lines = (
            outcomes.line(outcomes.fault(call, kind, said), self.todo.attempt(call), "", given.get(call))
            for call in calls
        )
        settled = partial(self._settled, [(call, False) for call in calls])
        self._recorder.put((self._grown.results, b"".join(lines)), done=settled)

    def _begun(self, calls: Sequence[int]) -> bytes:
        parts = (
            Begun(first, last, attempt, self._record.round)
            for attempt in sorted({self.todo.attempt(call) for call in calls})
            for first, last in runs([call for call in calls if self.todo.attempt(call) == attempt])
        )
        return b"".join(msgspec.json.encode(part) + b"\n" for part in parts)

    def _settled(self, calls: list[tuple[int, bool]]) -> None:
        for call, good in calls:
            self.todo.settle(call, good)
        self.progress.note(self._clock.boot(), self.todo.done)
        self.tell()
