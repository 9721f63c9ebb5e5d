"""What Slurm said last of the tasks that somebody asks about, and since when it says so."""

from collections.abc import Iterable, Mapping

import trio

from labd_slurm.commands import Commands
from labd_slurm.marks import Mark
from labd_slurm.squeue import Array, Seen, Unanswered
from labd_slurm.verdict import View, over

PREFIX = "labd-"


NEVER = -float("inf")


class Tracked:
    """A task in Slurm. ``gone_at`` is when Slurm was first without it, by trio's clock; *taken* is False when
    Slurm surely did not take it.
    """

    def __init__(self, mark: Mark, taken: bool) -> None:
        self.mark = mark
        self.since = trio.current_time()
        self.seen: Seen | None = None
        self.gone_at = None if taken else NEVER


class Queue:
    """Asks Slurm every *pause* seconds, for everybody at once; :meth:`run` does so while there are tasks."""

    def __init__(self, commands: Commands, pause: float) -> None:
        self._commands, self._pause = commands, pause
        self._tracked: dict[str, Tracked] = {}
        self._asking = trio.Lock()
        self._asked = self._answered = NEVER
        self._away_at = NEVER
        self._hurry = trio.Event()
        self.away = ""

    def __contains__(self, key: object) -> bool:
        return key in self._tracked

    def mark(self, key: str) -> Mark:
        return self._tracked[key].mark

    def follow(self, marks: Mapping[str, Mark], taken: bool = True) -> None:
        """These are asked about from now on; *taken* is False when Slurm surely did not take them."""
        for key, mark in marks.items():
            if key not in self._tracked or self._tracked[key].mark != mark:
                self._tracked[key] = Tracked(mark, taken)
                self.hurry()

    def hurry(self) -> None:
        """Have Slurm asked soon."""
        self._hurry.set()

    def forget(self, key: str) -> None:
        self._tracked.pop(key, None)

    def seen(self, key: str) -> Seen | None:
        """The task as Slurm showed it last."""
        return self._tracked[key].seen if key in self._tracked else None

    def view(self, key: str) -> View:
        """What is known of the task *key*; one without a mark was never Slurm's."""
        tracked = self._tracked.get(key)
        if tracked is None:
            return View(gone_for=float("inf"))
        since = 0.0 if tracked.gone_at is None else max(0.0, self._answered - tracked.gone_at)
        return View(tracked.seen, self.away, since, self._away_at >= tracked.since)

    def live(self, keys: Iterable[str]) -> dict[str, list[str]]:
        """What scancel takes for those of *keys* that Slurm still has, by the names of their arrays."""
        found: dict[str, list[str]] = {}
        for key in keys:
            tracked = self._tracked.get(key)
            if tracked is not None and tracked.seen is not None and not over(tracked.seen):
                found.setdefault(tracked.mark.name, []).append(tracked.seen.job)
        return found

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Ask again and again while there is something to ask about."""
        task_status.started()
        while True:
            with trio.move_on_after(self._pause):
                await self._hurry.wait()
            self._hurry = trio.Event()
            if self._tracked:
                await self.ask()
            else:
                await self._hurry.wait()

    async def ask(self) -> None:
        """Ask now; :attr:`away` says whether there was an answer."""
        began = trio.current_time()
        async with self._asking:
            if self._asked >= began:
                return  # somebody else asked meanwhile
            try:
                await self._take()
                self.away, self._answered = "", trio.current_time()
            except Unanswered as error:
                self.away, self._away_at = str(error), trio.current_time()
            self._asked = trio.current_time()

    async def _take(self) -> None:
        tracked = list(self._tracked.values())
        names = sorted({one.mark.name for one in tracked})
        arrays = await self._commands.arrays(PREFIX, names)
        for one in tracked:
            self._note(one, arrays.get(one.mark.name))
        for name in sorted({one.mark.name for one in tracked if one.seen is None}):
            await self._look_up([one for one in tracked if one.mark.name == name])

    def _note(self, one: Tracked, array: Array | None) -> None:
        seen = array.find(one.mark.index) if array else None
        one.seen = seen or _unseen(one.seen, array is not None)
        if one.seen is not None and not over(one.seen):
            one.gone_at = None
        elif one.gone_at is None:
            one.gone_at = trio.current_time()

    async def _look_up(self, tracked: list[Tracked]) -> None:
        """Look for the tasks of one array in the accounts, which remember them for longer."""
        kept = await self._commands.accounts(tracked[0].mark.name, tracked[0].mark.since)
        for one in tracked:
            if one.seen is None and over(kept.get(one.mark.index)):
                one.seen = kept[one.mark.index]


def _unseen(before: Seen | None, known: bool) -> Seen | None:
    """What to think of a task that Slurm does not show any more; whether its array is *known*.

    Of an array that is there Slurm silently drops a task that is cancelled before it begins.
    """
    if before is not None and before.state == "PENDING" and known:
        return before._replace(state="CANCELLED", reason="")
    return before if over(before) else None
