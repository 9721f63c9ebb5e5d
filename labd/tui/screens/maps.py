"""Maps of a function: how far they are, and what failed, first."""

import asyncio
import json
from collections.abc import Hashable
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType

from labd.cli.times import moment, span
from labd.errors import LabdError
from labd.tui.screens.listing import Listing
from labd.tui.store import Changes
from labd.tui.text import Line, Span, gauge, line, pairs, percent
from labd.tui.verbs import Step
from labd.tui.widgets.grid import Column, Grid, GridRow
from labd.tui.widgets.note import Note
from labd.tui.widgets.sheet import Sheet
from labd.tui.work import start

COLUMNS = [
    Column("ID", 5, right=True),
    Column("NAME", 14, grow=2),
    Column("STATE", 9),
    Column("DONE", 15),
    Column("FAILED", 7, right=True),
    Column("OF", 9, right=True),
    Column("RATE", 8, right=True, above=90),
    Column("LEFT", 7, right=True),
    Column("USER", 8, above=100),
]
STYLES = {"running": "good", "open": "info", "succeeded": "dim", "failed": "bad", "cancelled": "dim"}
ORDER = {"running": 0, "open": 0, "failed": 1}
SIDE = 110
FAILURES = 20
"""Failures that are shown."""

LOOKED = 8 * 2**20
"""Bytes of results that are looked through for them."""


class Maps(Listing):
    """A table of maps; those that run first, then those that failed."""

    TOPICS = frozenset({"maps", "link"})
    TABLE, COLUMNS, EMPTY, SIDE = "maps", COLUMNS, "no maps: labctl map makes one", SIDE
    HELP_TEXT = """\
    Maps of a function over many arguments. Enter shows what failed, the first failures first."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "cancel", "Cancel", id="maps.cancel", tooltip="End the map; its results stay"),
        Binding("t", "retry", "Retry", id="maps.retry", tooltip="Make the calls again that did not succeed"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[int] = []
        self._shown: dict[str, Any] | None = None
        self._failures: list[dict[str, Any]] = []
        self._searched = ""

    def _count(self) -> int:
        return len(self._rows)

    def draw(self, changes: Changes | None) -> None:
        maps = self.store.maps
        self._rows = sorted(maps, key=lambda number: (ORDER.get(maps[number]["state"], 2), -number))
        grid = self.query_one(Grid)
        grid.redraw()
        self._look()
        self.query_one(Note).refresh()
        self.bar()

    def current(self) -> dict[str, Any] | None:
        """The map under the cursor."""
        cursor = self.query_one(Grid).cursor
        return self.store.maps.get(self._rows[cursor]) if cursor < len(self._rows) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        one = self.current() if action in ("cancel", "retry") else None
        if action == "cancel":
            return one is not None and one["state"] in ("open", "running")
        if action == "retry":
            return one is not None and one["state"] in ("failed", "cancelled")
        return True

    def action_cancel(self) -> None:
        self._confirmed("cancel", "Its results stay.", "cancelled")

    def action_retry(self) -> None:
        self._confirmed("retry", "The calls that did not succeed are made again.", "goes on")

    def _confirmed(self, verb: str, about: str, done: str) -> None:
        from labd.tui.screens.confirm import Confirm

        one = self.current()
        if one is None:
            return
        number, name = one["id"], one["name"] or one.get("function") or ""

        def then(yes: bool | None) -> None:
            if yes:
                steps = [Step(f"map.{verb}", {"map": number})]
                start(self.app, "deeds", self.labd.do, f"map {number} {done}", steps, only=False)

        self.app.push_screen(Confirm(f"{verb.capitalize()} map {number} ({name})?", about, verb), then)

    @on(Grid.Moved)
    def _moved(self) -> None:
        self._look()
        self.bar()

    @on(Grid.Opened)
    def _opened(self) -> None:
        side = self.query_one(Sheet)
        side.display = True
        side.focus()

    def _look(self) -> None:
        """Show the map under the cursor; its failures are looked for when there are new ones."""
        one = self.current()
        if one is not None and (
            self._shown is None or self._shown["id"] != one["id"] or self._shown["failed"] != one["failed"]
        ):
            self._shown = dict(one)
            start(self, "failures", self._search, one["id"])
        elif one is None:
            self._shown = None
        self.query_one(Sheet).redraw()

    async def _search(self, number: int) -> None:
        """Look through the results for the first failures."""
        self._failures, self._searched = [], "looking for failures"
        await asyncio.sleep(0.15)
        offset, rest = 0, b""
        one = self.store.maps.get(number)
        try:
            while one and one["failed"] and len(self._failures) < FAILURES and offset < LOOKED:
                answer = await self.link.call(
                    "map.results", {"map": number, "offset": offset, "limit": 2**18}
                )
                lines = (rest + answer["data"]).split(b"\n")
                rest = lines.pop()
                self._failures += [json.loads(text) for text in lines if b'"error"' in text][
                    : FAILURES - len(self._failures)
                ]
                if answer["offset"] == offset:
                    break
                offset = answer["offset"]
            self._searched = ""
        except (LabdError, ValueError) as error:
            self._searched = str(error)
        self.query_one(Sheet).redraw()

    def _row_at(self, index: int) -> GridRow:
        one = self.store.maps[self._rows[index]]
        done = (one["succeeded"] + one["failed"]) / one["total"] if one["total"] else 0.0
        rate, left = one.get("rate"), one.get("eta")
        live = one["state"] in ("running", "open")
        return GridRow(
            one["id"],
            [
                (str(one["id"]), "dim"),
                (one["name"] or one.get("function") or "", "bold" if live else ""),
                (one["state"], STYLES.get(one["state"], "")),
                (percent(done), "good" if live else "dim"),
                (f"{one['failed'] or ''}", "bad"),
                (f"{one['total']:,}", ""),
                (f"{rate:.3g}/s" if rate and live else "", "info"),
                (span(left) if left is not None and live else "", "info"),
                (one.get("user") or "", "dim"),
            ],
        )

    def _place_of(self, key: Hashable) -> int | None:
        return self._rows.index(key) if key in self._rows else None

    def _detail(self, width: int, height: int) -> list[Line]:
        one = self.current()
        if one is None:
            return []
        now = self.labd.clock()
        done = (one["succeeded"] + one["failed"]) / one["total"] if one["total"] else 0.0
        made = [
            line(
                (f"{one['id']} ", "dim"),
                (one["name"] or "no name", "title"),
                (f"  {one['state']}", STYLES.get(one["state"], "")),
            ),
            [],
            [*gauge(done, max(width - 8, 8), "good"), Span(f" {done:.1%}")],
            [],
            *pairs(
                [
                    ("Function", one.get("function") or ""),
                    ("Succeeded", f"{one['succeeded']:,}"),
                    ("Failed", f"{one['failed']:,}"),
                    ("In work", str(one.get("in_work") or "")),
                    ("Workers", str(one.get("workers") or "")),
                    ("Repeated", str(one.get("repeated") or "")),
                    ("Created", moment(one.get("created"), now)),
                    ("Ended", moment(one.get("ended"), now)),
                    ("Reason", one.get("reason") or ""),
                ],
                width,
                key=10,
            ),
        ]
        made += _error(one.get("error"))
        return [*made, *self._failed(one)]

    def _failed(self, one: dict[str, Any]) -> list[Line]:
        if not one["failed"]:
            return []
        made: list[Line] = [[], line(("What failed", "title"), (f"  {self._searched}", "dim"))]
        for result in self._failures:
            error = result["error"]
            made.append(
                line((f"{result['index']:>6} ", "dim"), (error["type"], "bad"), f" {error['message']}")
            )
        for result in self._failures[:1]:
            made += _error(result["error"])
        return made

    def _note_line(self, width: int) -> Line:
        running = sum(one["state"] in ("running", "open") for one in self.store.maps.values())
        failed = sum(one["failed"] > 0 for one in self.store.maps.values())
        return line(
            f" Maps: {len(self._rows)}   running: {running}",
            (f"   with failures: {failed}" if failed else "", "bad"),
        )


def _error(error: dict[str, Any] | None) -> list[Line]:
    if not error:
        return []
    return [[], *(line((text, "dim")) for text in str(error.get("traceback") or "").splitlines())]
