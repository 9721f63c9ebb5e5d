"""The output of a job, live, however long."""

import asyncio
from collections.abc import Hashable
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from labd.cli import view
from labd.errors import LabdError
from labd.tui.logfile import LogFile
from labd.tui.screens.base import Entry, Page
from labd.tui.store import Changes
from labd.tui.text import Line, line
from labd.tui.widgets.grid import Column, Grid, GridRow
from labd.tui.widgets.logview import LogView
from labd.tui.widgets.note import Note
from labd.tui.work import start

PACE = 0.1
"""Seconds between two looks at a log that grows."""

OFFERED = 200
"""Jobs in the list beside: what runs, and the newest."""

SIDE = 110
"""Cells from which the list of jobs is beside the log."""


class Logs(Page):
    """A list of jobs, and the log of one."""

    TOPICS = frozenset({"jobs", "link"})
    HELP_TEXT = """\
    The output of a job. Its end is followed as it grows; moving up stops that, f goes on. Only what
    is seen is read, so the length of the log does not matter. A click at the right edge goes to that
    place.

    / searches from here on, n and N go to the next match and the one before, Escape ends a search. [
    and ] show the attempt before and after. o chooses a job."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", id="logs.search", key_display="/"),
        Binding("o", "choose", "Choose job", id="logs.choose"),
        Binding(
            "left_square_bracket",
            "attempt(-1)",
            "Attempt before",
            id="logs.before",
            key_display="[",
            show=False,
        ),
        Binding(
            "right_square_bracket",
            "attempt(1)",
            "Attempt after",
            id="logs.after",
            key_display="]",
            show=False,
        ),
        Binding("escape", "stop", "Stop", show=False, id="logs.stop"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.job, self.attempt, self.newest = 0, 0, 0
        self.over = False
        self._offered: list[int] = []

    def body(self) -> ComposeResult:
        yield Entry(placeholder="search for", id="search")
        with Horizontal():
            columns = [Column("ID", 6, right=True), Column("NAME", 10, grow=1), Column("STATE", 9)]
            yield Grid(
                columns,
                lambda: len(self._offered),
                self._row_at,
                self._place_of,
                empty="no jobs",
                id="offered",
            )
            yield LogView(id="log", classes="first")
        yield Note(self._note_line)

    def on_mount(self) -> None:
        self.query_one(Grid).display = self.app.size.width >= SIDE
        self.query_one(LogView).focus()

    def on_resize(self) -> None:
        self.query_one(Grid).display = self.app.size.width >= SIDE

    def draw(self, changes: Changes | None) -> None:
        if changes is None or changes.jobs:
            self._offer()
        wanted, self.labd.log_wanted = self.labd.log_wanted, None
        if wanted is not None:
            self.show(*wanted)
        elif not self.job and self._offered and self._choosable():
            self.show(self._offered[0], None)
        elif changes is not None and self.job in changes.jobs:
            self._new_attempt()
        self.query_one(Note).refresh()

    def show(self, job: int, attempt: int | None) -> None:
        """Show the output of a job: of its last attempt, unless another is named."""
        self.job, self.attempt, self.over = job, attempt or 0, False
        row = self.store.jobs.get(job)
        self.newest = row.attempt or 0 if row else 0
        grid = self.query_one(Grid)
        if job in self._offered:
            grid.go(self._offered.index(job))
        self.query_one(LogView).open(LogFile(self._read), "no output yet")
        start(self, "follow", self._follow, job, self.attempt)

    # -- reading ---------------------------------------------------------------------------------

    async def _read(self, offset: int, limit: int) -> tuple[bytes, int]:
        answer = await self._ask(offset, limit)
        return answer["data"], answer["size"]

    async def _ask(self, offset: int, limit: int, *, wait: bool = False) -> dict[str, Any]:
        params = {
            "job": self.job,
            "attempt": self.attempt or None,
            "offset": offset,
            "limit": limit,
            "wait": wait,
        }
        found: dict[str, Any] = await self.link.answered("job.log", params)
        return found

    async def _follow(self, job: int, attempt: int) -> None:
        """Hear of what is new, as long as there may be more; only its length is asked for."""
        view_, size = self.query_one(LogView), 0
        try:
            answer = await self._ask(-1, 1)
            while job == self.job and attempt == self.attempt:
                size = answer["size"]
                self.newest = max(self.newest, answer["attempt"])
                view_.grown(size)
                self.over = answer["end"]
                if self.over:
                    break
                await asyncio.sleep(PACE)
                answer = await self._ask(size, 1, wait=True)
        except LabdError as error:
            view_.open(None, error.message)

    def _new_attempt(self) -> None:
        """An attempt has begun: the last one is followed, unless one was chosen."""
        row = self.store.jobs.get(self.job)
        if row is not None and not self.attempt and (row.attempt or 0) > self.newest:
            self.show(self.job, None)

    # -- choosing --------------------------------------------------------------------------------

    def _offer(self) -> None:
        running = [row.id for row in self.store.running()]
        newest = [number for number in sorted(self.store.jobs)[-OFFERED:] if number not in self.store.active]
        self._offered = [*running[:OFFERED], *reversed(newest)][:OFFERED]
        self.query_one(Grid).redraw()

    def _choosable(self) -> bool:
        row = self.store.jobs.get(self._offered[0])
        return row is not None and row.state not in view.WAITING

    def _row_at(self, index: int) -> GridRow:
        row = self.store.jobs.get(self._offered[index])
        if row is None:
            return GridRow(self._offered[index], whole=line(("gone", "dim")))
        style = view.STYLES.get(row.state, "")
        return GridRow(
            row.id,
            [(str(row.id), "dim"), (row.name or "no name", ""), (row.state, style)],
            marked=row.id == self.job,
        )

    def _place_of(self, key: Hashable) -> int | None:
        return self._offered.index(key) if key in self._offered else None

    @on(Grid.Opened)
    def _opened(self, event: Grid.Opened) -> None:
        if isinstance(event.key, int):
            self.show(event.key, None)
            self.query_one(Grid).display = self.app.size.width >= SIDE
            self.query_one(LogView).focus()

    def action_choose(self) -> None:
        """Go to the list; on a narrow screen it comes for the purpose."""
        grid = self.query_one(Grid)
        grid.display = True
        grid.focus()

    def action_attempt(self, by: int) -> None:
        chosen = (self.attempt or self.newest) + by
        if 1 <= chosen <= self.newest:
            self.show(self.job, chosen)

    def action_search(self) -> None:
        self.query_one(Entry).open()

    def action_stop(self) -> None:
        self.query_one(LogView).stop()
        self.query_one(Entry).action_leave()

    @on(Input.Submitted, "#search")
    def _entered(self, event: Input.Submitted) -> None:
        self.query_one(Entry).close()
        self.query_one(LogView).find(event.value)

    @on(LogView.Changed)
    def _moved(self) -> None:
        self.query_one(Note).refresh()

    def _note_line(self, width: int) -> Line:
        shown, row = self.query_one(LogView), self.store.jobs.get(self.job)
        if row is None or shown.file is None:
            return line((" o chooses a job", "dim"))
        number = self.attempt or self.newest
        searching = f"  searching {shown.searching:.0%}" if shown.searching is not None else ""
        state = "ended" if self.over else "following" if shown.following else "more may come"
        return line(
            f" {row.id} {row.name}",
            (f"  {row.state}", view.STYLES.get(row.state, "")),
            (f"  attempt {number} of {self.newest}", "dim"),
            (f"  {view.memory(shown.file.size)}  {shown.share:4.0%}  ", "dim"),
            (state, "good" if shown.following and not self.over else "dim"),
            (searching, "info"),
            (f"  {shown.trouble}" if shown.trouble else "", "bad"),
        )
