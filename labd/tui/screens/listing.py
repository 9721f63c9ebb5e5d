"""A page that is a table, what is behind the row under the cursor beside it, and a line below."""

from collections.abc import Hashable, Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget

from labd.tui.screens.base import Page
from labd.tui.text import Line
from labd.tui.widgets.grid import Column, Grid, GridRow
from labd.tui.widgets.note import Note
from labd.tui.widgets.sheet import Sheet


class Listing(Page):
    """What differs from page to page is said by the constants and the methods that are not written here."""

    TABLE: ClassVar[str]
    """The name of the table for the style sheet."""

    COLUMNS: ClassVar[list[Column]]
    EMPTY: ClassVar[str]
    """What stands where there are no rows."""

    SIDE: ClassVar[int]
    """The width of the terminal from which on there is room beside the table."""

    def body(self) -> ComposeResult:
        yield from self.above()
        with Horizontal():
            yield Grid(
                self.COLUMNS, self._count, self._row_at, self._place_of,
                empty=self.EMPTY, id=self.TABLE, classes="main first",
            )  # fmt: skip
            yield Sheet(self._detail, id="side", classes="side")
        yield Note(self._note_line)

    def above(self) -> Iterable[Widget]:
        """What stands above the table."""
        return ()

    def on_mount(self) -> None:
        self.query_one(Grid).focus()

    def on_resize(self) -> None:
        self.query_one(Sheet).display = self.app.size.width >= self.SIDE

    def _count(self) -> int:
        raise NotImplementedError

    def _row_at(self, index: int) -> GridRow:
        raise NotImplementedError

    def _place_of(self, key: Hashable) -> int | None:
        raise NotImplementedError

    def _detail(self, width: int, height: int) -> list[Line]:
        raise NotImplementedError

    def _note_line(self, width: int) -> Line:
        raise NotImplementedError
