"""All jobs: find them, mark them, steer them. A hundred thousand are a list of numbers and a window."""

import asyncio
from collections.abc import Hashable
from itertools import islice
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from labd.cli import view
from labd.tui import filtering
from labd.tui.ordering import GROUPS, SORTS, Choice, Heading, Ordering
from labd.tui.rows import JobRow
from labd.tui.screens.base import Entry
from labd.tui.screens.preview import Preview
from labd.tui.screens.steering import Steering
from labd.tui.store import Changes
from labd.tui.text import Line, line, percent
from labd.tui.widgets.grid import Column, Grid, GridRow
from labd.tui.widgets.note import Note
from labd.tui.work import start

COLUMNS = [
    Column("ID", 7, right=True, sort="id"),
    Column("NAME", 14, grow=3, sort="name"),
    Column("USER", 8, above=100, sort="user"),
    Column("STATE", 9, sort="state"),
    Column("TAKES", 10, above=84, sort="takes"),
    Column("ELAPSED", 8, right=True, sort="started"),
    Column("PROGRESS", 15, above=76, sort="progress"),
    Column("LEFT", 7, right=True, above=120),
    Column("PRIO", 5, right=True, above=130, sort="prio"),
    Column("GROUP", 10, above=150, sort="group"),
    Column("SAYS", 12, grow=4),
]
MANY = 1_000
"""Changes at once from which the table is made anew."""

LOOKED = 200
"""Marked jobs that are looked at to say which keys apply."""

SIDE = 150
"""Cells from which the job under the cursor is shown beside."""


class Jobs(Steering):
    """The table of jobs."""

    LEADING = ("jobs.filter", "jobs.mark", "jobs.sort", "jobs.group")
    TOPICS = frozenset({"jobs", "link"})
    HELP_TEXT = """\
    All jobs. / filters: words are looked for in number, name, user, state, group and tags;
    field:value, field>number and !not look at one field (train user:ada state:failed prio>0
    !tag:old). All of them must hold.

    Space marks a job, A all that match; keys then mean all that are marked. What can be taken back is
    done at once, and u takes it back; anything else asks before."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="jobs.filter", key_display="/", tooltip="Filter the jobs"),
        Binding("space", "mark", "Mark", id="jobs.mark", tooltip="Mark or unmark the job"),
        Binding("s", "sort", "Sort", id="jobs.sort", tooltip="Sort by the next column"),
        Binding("S", "reverse", "Reverse", id="jobs.reverse", show=False, tooltip="Turn the order round"),
        Binding("b", "group", "Group", id="jobs.group", tooltip="Group by state, user, group, name"),
        Binding("A", "mark_all", "Mark all", id="jobs.mark-all", show=False, tooltip="Mark all that match"),
        Binding(
            "escape", "clear", "Clear", id="jobs.clear", show=False, tooltip="Unmark all, clear the filter"
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.ordering = Ordering()
        self.marked: set[int] = set()
        self._choice = Choice()
        self._trouble = ""
        self._filling = False
        self._meanwhile: set[int] = set()

    def body(self) -> ComposeResult:
        yield Entry(placeholder="words, user:ada, state:failed, prio>0, !not", id="filter")
        with Horizontal():
            yield Grid(
                COLUMNS,
                lambda: len(self.ordering),
                self._row_at,
                self._place_of,
                empty="no job matches",
                id="jobs",
                classes="main first",
            )
            yield Preview(id="side", classes="side")
        yield Note(self._note_line)

    def on_mount(self) -> None:
        self._fill()
        self.query_one(Grid).focus()

    def on_resize(self) -> None:
        self.query_one(Preview).display = self.app.size.width >= SIDE

    # -- what is shown ---------------------------------------------------------------------------

    def draw(self, changes: Changes | None) -> None:
        if changes is None or len(changes.jobs) > MANY:
            self._fill()
        elif self._filling:
            self._meanwhile |= changes.jobs
        elif changes.jobs:
            self.ordering.update(self.store.jobs, changes.jobs)
        self._redraw()
        preview = self.query_one(Preview)
        if changes is not None and preview.number in changes.jobs:
            preview.again()

    def ticked(self) -> None:
        self.query_one(Grid).refresh()

    def _redraw(self) -> None:
        grid = self.query_one(Grid)
        grid.sorted_by, grid.reverse = self._choice.sort, self._choice.reverse
        grid.redraw()
        self.query_one(Note).refresh()
        self._look()
        self.bar()

    def _fill(self) -> None:
        """Make the order anew, in the background."""
        self._filling = True
        start(self, "order", self._filled)

    async def _filled(self) -> None:
        made = Ordering(self._choice)
        made.folded = self.ordering.folded
        self._meanwhile.clear()
        for _ in made.fill(self.store.jobs):
            await asyncio.sleep(0)
        made.update(self.store.jobs, self._meanwhile)
        self.ordering, self._filling = made, False
        self._redraw()

    def _row_at(self, index: int) -> GridRow:
        found = self.ordering.line(index)
        if isinstance(found, Heading):
            arrow = "▸" if found.folded else "▾"
            return GridRow(found, whole=line((f"{arrow} {found.name} ", "title"), (f"{found.size}", "dim")))
        row = self.store.jobs.get(found)
        if row is None:
            return GridRow(found, whole=line((f"{found} is gone", "dim")))
        return GridRow(found, cells_of(row, self.labd.clock()), marked=found in self.marked)

    def _place_of(self, key: Hashable) -> int | None:
        return self.ordering.place(key) if isinstance(key, int) else None

    def _note_line(self, width: int) -> Line:
        total, choice = len(self.store.jobs), self._choice
        shown = f"{self.ordering.jobs:,} of {total:,} jobs" if choice.tests else f"{total:,} jobs"
        marked = f"{len(self.marked):,} marked  " if self.marked else ""
        order = f"sorted by {choice.sort}{' (turned round)' if choice.reverse else ''}"
        group = f", grouped by {choice.group}" if choice.group else ""
        return line(" ", (marked, "accent"), (self._trouble, "bad"), shown, (f"  {order}{group}", "dim"))

    # -- choosing --------------------------------------------------------------------------------

    def chosen(self) -> list[JobRow]:
        numbers = self.marked or {self.under()}
        return [row for number in sorted(numbers) if (row := self.store.jobs.get(number)) is not None]

    def states(self) -> set[str]:
        few = islice(self.marked or {self.under()}, LOOKED)
        return {row.state for number in few if (row := self.store.jobs.get(number)) is not None}

    def under(self) -> int:
        """The job under the cursor; 0 for none."""
        key = self.query_one(Grid).key
        return key if isinstance(key, int) else 0

    def done(self) -> None:
        self.marked.clear()
        self._redraw()

    def action_mark(self) -> None:
        """Mark the job, or fold the group, and go on to the next line."""
        grid = self.query_one(Grid)
        number = self.under()
        if number:
            self.marked ^= {number}
            grid.action_move(1)
        self._redraw()

    def action_mark_all(self) -> None:
        self.marked = set(self.ordering.numbers())
        self._redraw()

    def action_clear(self) -> None:
        self.marked.clear()
        entry = self.query_one(Entry)
        entry.value = ""
        entry.close()
        self._redraw()

    def action_filter(self) -> None:
        self.query_one(Entry).open()

    def action_sort(self) -> None:
        names = list(SORTS)
        self._choose(sort=names[(names.index(self._choice.sort) + 1) % len(names)], reverse=False)

    def action_reverse(self) -> None:
        self._choose(reverse=not self._choice.reverse)

    def action_group(self) -> None:
        names = list(GROUPS)
        self._choose(group=names[(names.index(self._choice.group) + 1) % len(names)])

    def _choose(self, **changes: object) -> None:
        self._choice = self._choice._replace(**changes)  # type: ignore[arg-type]
        self._fill()

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        try:
            tests, self._trouble = tuple(filtering.parse(event.value)), ""
        except ValueError as error:
            self._trouble = f"{error}  "
            self.query_one(Note).refresh()
            return
        self._choose(tests=tests)

    @on(Input.Submitted, "#filter")
    def _entered(self) -> None:
        self.query_one(Entry).close()

    @on(Grid.Sorted)
    def _sorted(self, event: Grid.Sorted) -> None:
        again = event.sort == self._choice.sort
        self._choose(sort=event.sort, reverse=again and not self._choice.reverse)

    @on(Grid.Moved)
    def _moved(self) -> None:
        self._look()
        self.bar()

    @on(Grid.Opened)
    def _opened(self, event: Grid.Opened) -> None:
        from labd.tui.screens.job import Job

        if isinstance(event.key, Heading):
            self.ordering.folded ^= {event.key.name}
            self.ordering.arrange()
            self._redraw()
        elif isinstance(event.key, int):
            self.app.push_screen(Job(event.key))

    def _look(self) -> None:
        preview = self.query_one(Preview)
        if preview.display:
            preview.show(self.under())


def _progress(row: JobRow, job: view.Job) -> str:
    if row.state not in view.LIVE:
        return ""
    return percent(view.done(job) if row.tasks else row.progress)


def cells_of(row: JobRow, now: float) -> list[tuple[str, str]]:
    """A line of the table."""
    job = row.as_map()
    metrics = " ".join(
        f"{name} {value:.4g}" for name, value in (row.metrics or {}).items() if value is not None
    )
    says = metrics if row.state == "running" and metrics else view.info(job, now)
    quiet = "dim" if row.state in ("succeeded", "cancelled") else ""
    return [
        (str(row.id), "dim"),
        (row.name or "no name", quiet or "bold"),
        (row.user, quiet),
        (row.state.replace("_", " "), view.STYLES.get(row.state, "")),
        (view.resources(job), quiet),
        (view.elapsed(job, now), quiet),
        (_progress(row, job), "good"),
        (view.left(job), "info"),
        (str(row.priority or ""), ""),
        (row.group, "dim"),
        (says, "bad" if row.state in ("failed", "lost", "timed_out") else "dim"),
    ]
