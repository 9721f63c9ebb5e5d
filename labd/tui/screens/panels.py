"""What plugins show of themselves."""

import asyncio
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from labd.errors import LabdError
from labd.tui.panels import Contained
from labd.tui.screens.base import Page
from labd.tui.store import Changes
from labd.tui.text import Line, line, wrapped
from labd.tui.widgets.note import Note
from labd.tui.widgets.sheet import Sheet
from labd.tui.work import start

PACE = 1.0
"""Seconds between two questions of a panel."""


class Panels(Page):
    """One panel at a time; the keys left and right go to the others."""

    TOPICS = frozenset({"events", "link"})
    HELP_TEXT = """\
    Panels that plugins bring (entry points of the group labd.tui). One that fails or is too slow is
    stopped and says why; Enter tries it again."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,tab", "turn(1)", "Next", id="panels.next"),
        Binding("left", "turn(-1)", "Previous", id="panels.previous"),
        Binding("enter", "again", "Try again", id="panels.again"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._panels: list[Contained] = []
        self._at = 0
        self._answers: dict[str, dict[str, Any]] = {}
        self._seen = 0
        self._asking = False

    def body(self) -> ComposeResult:
        yield Note(self._tabs)
        yield Sheet(self._picture, id="panel")

    def on_mount(self) -> None:
        self._panels = self.labd.find_panels()
        self.query_one(Sheet).focus()
        self._begin()

    def draw(self, changes: Changes | None) -> None:
        panel = self.panel
        news = [event for event in reversed(self.store.events) if event["seq"] > self._seen]
        self._seen = self.store.last
        if panel is not None and (changes is None or any(panel.wants(event["kind"]) for event in news)):
            self._ask(panel)
        self._redraw()

    @property
    def panel(self) -> Contained | None:
        """The one that is shown."""
        return self._panels[self._at] if self._panels else None

    def action_turn(self, by: int) -> None:
        if self._panels:
            self._at = (self._at + by) % len(self._panels)
            self._begin()

    def action_again(self) -> None:
        self._begin()

    def _begin(self) -> None:
        if self.panel is not None:
            self.panel.begin()
            self._ask(self.panel)
        self._redraw()

    def _redraw(self) -> None:
        self.query_one(Sheet).redraw()
        self.query_one(Note).refresh()

    def _ask(self, panel: Contained) -> None:
        if panel.methods and not self._asking:
            self._asking = True
            start(self, "panel", self._asked, panel)

    async def _asked(self, panel: Contained) -> None:
        """Ask what the panel shows; what cannot be had is an answer with its error."""
        answers: dict[str, Any] = {}
        for method in panel.methods:
            try:
                answers[method] = await self.link.call(method)
            except LabdError as error:
                answers[method] = {"error": error.message}
        self._answers[panel.name] = answers
        self._redraw()
        await asyncio.sleep(PACE)
        self._asking = False

    def _tabs(self, width: int) -> Line:
        made = [(f" {panel.title} ", "title" if panel is self.panel else "dim") for panel in self._panels]
        return line(*made)

    def _picture(self, width: int, height: int) -> list[Line]:
        panel = self.panel
        if panel is None:
            text = "No panels are installed. A plugin brings one as an entry point of the group labd.tui."
            return wrapped(text, width, "dim")
        found = panel.draw(self._answers.get(panel.name, {}), width, height)
        if panel.error:
            return [
                line((f"{panel.title} was stopped", "bad")),
                [],
                *wrapped(panel.error, width),
                [],
                line(("Enter tries it again", "dim")),
            ]
        return found
