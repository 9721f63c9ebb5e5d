"""The pictures among the results of a job, one at a time."""

import asyncio
import os
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from labd.errors import LabdError
from labd.tui import pixels
from labd.tui.rows import JobRow
from labd.tui.screens.steering import Steering
from labd.tui.store import Changes
from labd.tui.text import Line, line, wrapped
from labd.tui.widgets.sheet import Sheet
from labd.tui.work import start

PACE = 1.0
"""Seconds between two looks at a picture that a job makes anew."""


class Pictures(Steering):
    """What ``labd.report(artifact=...)`` named, where it is a picture."""

    TOPICS = frozenset({"jobs", "link"})
    HELP_TEXT = """\
    Pictures that the job reported as artifacts, in as many pixels as the terminal has: two in each
    cell. Left and right show the others. Escape goes back."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back", id="images.back"),
        Binding("right,tab", "turn(1)", "Next", id="images.next"),
        Binding("left", "turn(-1)", "Previous", id="images.previous"),
    ]

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self._found: list[dict[str, Any]] | None = None
        self._at = 0
        self._raster: pixels.Raster | None = None
        self._error = ""
        self._asking = False

    def body(self) -> ComposeResult:
        yield Sheet(self._picture, id="picture")

    def on_mount(self) -> None:
        self.query_one(Sheet).focus()

    def on_resize(self) -> None:
        self._again()

    def draw(self, changes: Changes | None) -> None:
        if changes is None or self.number in changes.jobs:
            self._again()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return False if action == "images" else super().check_action(action, parameters)

    def chosen(self) -> list[JobRow]:
        row = self.store.jobs.get(self.number)
        return [row] if row is not None else []

    def action_turn(self, by: int) -> None:
        if self._found:
            self._at = (self._at + by) % len(self._found)
            self._raster = None
            self._again()

    def _again(self) -> None:
        if not self._asking:
            self._asking = True
            self.set_timer(PACE if self._raster else 0.01, lambda: start(self, "image", self._asked))

    async def _asked(self) -> None:
        self._asking = False
        try:
            shown = await self.link.call("job.show", {"job": self.number})
            self._found = [one for one in shown["artifacts"] if one["path"].lower().endswith(pixels.SUFFIXES)]
            self._error = ""
            if self._found:
                await self._read(self._found[self._at % len(self._found)])
        except LabdError as error:
            self._raster, self._error = None, f"{error.message} {error.hint or ''}"
        self.query_one(Sheet).redraw()

    async def _read(self, one: dict[str, Any]) -> None:
        if self.labd.host:
            raise LabdError(f"{one['path']} lies on {self.labd.host}, and pictures are read here")
        size = self.query_one(Sheet).scrollable_content_region.size
        path = os.path.join("/", one["path"])
        self._raster = await asyncio.to_thread(pixels.read, path, size.width, max(size.height - 3, 1))

    def _picture(self, width: int, height: int) -> list[Line]:
        if self._found is None and not self._error:
            return []
        if not self._found:
            text = self._error or "it has reported no pictures so far: labd.report(artifact='loss.png')"
            return wrapped(text, width, "bad" if self._error else "dim")
        one = self._found[self._at % len(self._found)]
        size = f"  {self._raster.width} x {self._raster.height}" if self._raster else ""
        head = line(
            (f"{self.number} ", "dim"),
            (one["name"], "title"),
            (size, "info"),
            (f"  {self._at + 1} of {len(self._found)}  {one['path']}", "dim"),
        )
        if self._raster is None:
            return [head, [], *wrapped(self._error, width, "bad")]
        return [head, [], *pixels.cells(self._raster, colour=not self.app.no_color)]
