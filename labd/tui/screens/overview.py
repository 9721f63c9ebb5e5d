"""The first page: the whole machine at a glance."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from labd.tui.pictures.overview import overview
from labd.tui.screens.base import Page
from labd.tui.store import Changes
from labd.tui.text import Line
from labd.tui.widgets.sheet import Sheet
from labd.tui.work import start


class Overview(Page):
    """Cores, memory, disks, GPUs; what runs and what waits; services; events."""

    TOPICS = frozenset({"status", "jobs", "events", "machine", "link"})
    HELP_TEXT = """\
    The whole machine at a glance. What is held is what labd gave to jobs and services; CPU and RAM
    are what the machine really does. Curves show the last minutes, the newest at the right.

    Number keys show the other pages. Everything is live; after a restart of labd the line at the top
    says after which event this went on."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,j", "app.page('jobs')", "Jobs", id="overview.jobs"),
        Binding("n", "submit", "New job", id="overview.submit"),
    ]

    def body(self) -> ComposeResult:
        yield Sheet(self._lines)

    def draw(self, changes: Changes | None) -> None:
        self.query_one(Sheet).redraw()

    def ticked(self) -> None:
        self.draw(None)

    def action_submit(self) -> None:
        from labd.tui.screens.submit import submit

        start(self, "form", submit, self)

    def _lines(self, width: int, height: int) -> list[Line]:
        return overview(self.store, width, height, self.labd.clock())
