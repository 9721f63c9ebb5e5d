"""One job, over the whole screen."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from labd.tui.rows import JobRow
from labd.tui.screens.preview import Preview
from labd.tui.screens.steering import Steering
from labd.tui.store import Changes


class Job(Steering):
    """Attempts, resources, environment, frozen code, why it waits."""

    TOPICS = frozenset({"jobs", "link"})
    HELP_TEXT = """\
    Everything about one job. Escape goes back to the table."""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,left", "app.pop_screen", "Back", id="job.back")]

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def body(self) -> ComposeResult:
        yield Preview(whole=True, id="job")

    def on_mount(self) -> None:
        preview = self.query_one(Preview)
        preview.show(self.number)
        preview.focus()

    def draw(self, changes: Changes | None) -> None:
        preview = self.query_one(Preview)
        if changes is None or self.number in changes.jobs:
            preview.again()
            self.bar()
        preview.redraw()

    def ticked(self) -> None:
        self.query_one(Preview).redraw()

    def chosen(self) -> list[JobRow]:
        row = self.store.jobs.get(self.number)
        return [row] if row is not None else []
