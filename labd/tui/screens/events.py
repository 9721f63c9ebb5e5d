"""What happened, and what happens."""

import json
from collections.abc import Hashable, Iterable
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from labd.cli.times import clock, span
from labd.tui.pictures.overview import kind_style, what_about
from labd.tui.screens.base import Entry
from labd.tui.screens.listing import Listing
from labd.tui.store import Changes
from labd.tui.text import Line, line, pairs
from labd.tui.widgets.grid import Column, Grid, GridRow
from labd.tui.widgets.note import Note
from labd.tui.widgets.sheet import Sheet

COLUMNS = [
    Column("SEQ", 8, right=True),
    Column("AGO", 7, right=True),
    Column("KIND", 20),
    Column("ABOUT", 12),
    Column("BY", 8, above=90),
    Column("WHY", 10, grow=1),
]
SIDE = 120


class Events(Listing):
    """The log of events, the newest at the top."""

    TOPICS = frozenset({"events", "link"})
    TABLE, COLUMNS, EMPTY, SIDE = "events", COLUMNS, "no events", SIDE
    HELP_TEXT = """\
    Everything that changes is an event. The newest is at the top. / filters: a pattern for the kind
    (job.*, *failed), or words that are looked for in all of it. Space stops the list while you read;
    what comes meanwhile is counted."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="events.filter", key_display="/"),
        Binding("space", "freeze", "Stop/go on", id="events.freeze"),
        Binding("l", "output", "Log", id="events.log", tooltip="Show the output of the job"),
        Binding("escape", "clear", "Clear", show=False, id="events.clear"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[dict[str, Any]] = []
        self._wanted = ""
        self._frozen = False
        self._seen = 0

    def _count(self) -> int:
        return len(self._shown)

    def above(self) -> Iterable[Widget]:
        yield Entry(placeholder="job.*, *failed, or words", id="filter")

    def draw(self, changes: Changes | None) -> None:
        if not self._frozen:
            self._seen = self.store.taken
            self._shown = [event for event in reversed(self.store.events) if self._matches(event)]
            self._redraw()
        self.query_one(Note).refresh()

    def ticked(self) -> None:
        self.query_one(Grid).refresh()

    def _redraw(self) -> None:
        grid = self.query_one(Grid)
        if grid.cursor == 0:
            grid.key = None  # at the top the cursor stays at the top
        grid.redraw()
        self.query_one(Sheet).redraw()

    def _matches(self, event: dict[str, Any]) -> bool:
        if not self._wanted:
            return True
        if fnmatchcase(event["kind"], self._wanted):
            return True
        parts = (
            event["kind"],
            what_about(event["kind"], event["data"]),
            event.get("actor"),
            event.get("cause"),
        )
        text = " ".join(map(str, parts)).lower()
        return all(word in text for word in self._wanted.split())

    def _row_at(self, index: int) -> GridRow:
        event = self._shown[index]
        kind = event["kind"]
        ago = span(max(self.labd.clock() - event["time"], 0.0))
        return GridRow(
            event["seq"],
            [
                (str(event["seq"]), "dim"),
                (ago, "dim"),
                (kind, kind_style(kind)),
                (what_about(kind, event["data"]), "bold"),
                (event.get("actor") or "", "dim"),
                (event.get("cause") or "", ""),
            ],
        )

    def _place_of(self, key: Hashable) -> int | None:
        """Numbers fall from the top: the place is found by halving."""
        low, high = 0, len(self._shown)
        while low < high:
            middle = (low + high) // 2
            if self._shown[middle]["seq"] > key:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self._shown) and self._shown[low]["seq"] == key else None

    def current(self) -> dict[str, Any] | None:
        """The event under the cursor."""
        cursor = self.query_one(Grid).cursor
        return self._shown[cursor] if cursor < len(self._shown) else None

    def _detail(self, width: int, height: int) -> list[Line]:
        event = self.current()
        if event is None:
            return []
        head = [
            line((f"{event['seq']} ", "dim"), (event["kind"], "title")),
            [],
            *pairs(
                [
                    ("When", clock(event["time"])),
                    ("By", event.get("actor") or ""),
                    ("Why", event.get("cause") or ""),
                ],
                width,
                key=10,
            ),
            [],
        ]
        rest = [
            (name, value if isinstance(value, str) else json.dumps(value))
            for name, value in event["data"].items()
            if value is not None
        ]
        return [*head, *(row for name, value in rest for row in pairs([(name, value)], width, key=16))]

    def action_filter(self) -> None:
        self.query_one(Entry).open()

    def action_clear(self) -> None:
        self.query_one(Entry).action_leave()

    def action_freeze(self) -> None:
        self._frozen = not self._frozen
        self.draw(None)

    def action_output(self) -> None:
        event = self.current()
        if event is not None and event["data"].get("job"):
            self.labd.show_log(event["data"]["job"])

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        self._wanted = event.value.strip().lower()
        self.draw(None)

    @on(Input.Submitted, "#filter")
    def _entered(self) -> None:
        self.query_one(Entry).close()

    @on(Grid.Moved)
    def _moved(self) -> None:
        self.query_one(Sheet).redraw()

    @on(Grid.Opened)
    def _opened(self) -> None:
        from labd.tui.screens.job import Job

        event = self.current()
        if event is not None and event["data"].get("job"):
            self.app.push_screen(Job(event["data"]["job"]))

    def _note_line(self, width: int) -> Line:
        waiting = f"stopped: {self.store.taken - self._seen} since  " if self._frozen else ""
        skipped = (
            f"  {self.store.skipped} were skipped, since they came too fast" if self.store.skipped else ""
        )
        return line(
            " ",
            (waiting, "accent"),
            f"{len(self._shown):,} of the last {len(self.store.events):,} events",
            (skipped, "warn"),
        )
