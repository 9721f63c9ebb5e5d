"""A table of any length: only the lines on the screen are asked for."""

from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from labd.cli.render import cells, cut, safe
from labd.tui.text import Line, fit


class Column(NamedTuple):
    """*width* cells, and a part *grow* of what is left over; shown from *above* cells of the table on."""

    title: str
    width: int
    grow: int = 0
    right: bool = False
    above: int = 0
    sort: str = ""


Cells = Sequence[tuple[str, str]]
"""Text and style of each column."""


class GridRow(NamedTuple):
    """A line: cells, or one text over the whole width. The cursor passes over one without a key."""

    key: Hashable
    cells: Cells = ()
    whole: Line | None = None
    marked: bool = False


GAP = 1
_MARK = "▌"


class Grid(ScrollView, can_focus=True):
    """Rows are given by *count* and *row*; the cursor stays on its row when others come and go."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="list.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="list.down"),
        Binding("pageup", "leaf(-1)", "Page up", show=False, id="list.page-up"),
        Binding("pagedown", "leaf(1)", "Page down", show=False, id="list.page-down"),
        Binding("home,g", "first", "First", show=False, id="list.first"),
        Binding("end,G", "last", "Last", show=False, id="list.last"),
        Binding("enter", "open", "Open", id="list.open"),
    ]

    class Opened(Message):
        """Enter or a second click on a row."""

        def __init__(self, key: Hashable) -> None:
            super().__init__()
            self.key = key

    class Moved(Message):
        """The cursor is on another row."""

    class Sorted(Message):
        """A click on the heading of a column."""

        def __init__(self, sort: str) -> None:
            super().__init__()
            self.sort = sort

    def __init__(
        self,
        columns: Sequence[Column],
        count: Callable[[], int],
        row: Callable[[int], GridRow],
        place: Callable[[Hashable], int | None] | None = None,
        *,
        empty: str = "nothing here",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.columns, self._count, self._row, self._place = columns, count, row, place
        self.empty = empty
        self.cursor = 0
        self.key: Hashable = None
        self.sorted_by, self.reverse = "", False

    # -- from outside ----------------------------------------------------------------------------

    def redraw(self) -> None:
        """Rows may have changed: keep the cursor on its row, and draw."""
        count = self._count()
        self.virtual_size = Size(1, count + 1)
        if self._place is not None and self.key is not None:
            place = self._place(self.key)
            if place is not None and place != self.cursor:
                self._follow(place)
        self.cursor = self._allowed(self.cursor, 1)
        self._note()
        self.refresh()

    def current(self) -> GridRow | None:
        """The row under the cursor."""
        return self._row(self.cursor) if self.cursor < self._count() else None

    def go(self, index: int) -> None:
        """Put the cursor on a row, and show it."""
        before = self.cursor
        self.cursor = self._allowed(index, -1 if index < before else 1)
        self._note()
        self._show()
        self.refresh()
        if before != self.cursor:
            self.post_message(self.Moved())

    # -- keys and mouse --------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        self.go(self.cursor + by)

    def action_leaf(self, by: int) -> None:
        self.go(self.cursor + by * max(self.size.height - 2, 1))

    def action_first(self) -> None:
        self.go(0)

    def action_last(self) -> None:
        self.go(self._count() - 1)

    def action_open(self) -> None:
        row = self.current()
        if row is not None:
            self.post_message(self.Opened(row.key))

    def on_click(self, event: events.Click) -> None:
        """Choose a row; a second time opens it; on the heading it sorts."""
        if event.y == 0:
            self._heading(event.x)
            return
        index = event.y - 1 + self.scroll_offset.y
        if index >= self._count():
            return
        again = index == self.cursor
        self.go(index)
        if again and event.chain >= 2:
            self.action_open()

    def on_resize(self) -> None:
        """Widths have changed."""
        self.redraw()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    # -- drawing ---------------------------------------------------------------------------------

    def arranged(self) -> list[tuple[Column, int]]:
        """The columns that are shown, with their widths."""
        width = self.scrollable_content_region.width - 1
        shown = [column for column in self.columns if width + 1 >= column.above]
        spare = width - sum(c.width for c in shown) - GAP * (len(shown) - 1)
        growing = sum(c.grow for c in shown) or 1
        return [(c, max(c.width + (spare * c.grow // growing if spare > 0 else 0), 1)) for c in shown]

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the headings, or a row."""
        width = self.size.width
        if y == 0:
            return self._headings().adjust_cell_length(width).apply_style(self.rich_style)
        index = y - 1 + self.scroll_offset.y
        if index >= self._count():
            blank = self.empty if not self._count() and y == 2 else ""
            return (
                Strip([Segment(f" {blank}", self._ink["dim"])])
                .adjust_cell_length(width)
                .apply_style(self.rich_style)
            )
        return self._line(index, width)

    @property
    def _ink(self):  # type: ignore[no-untyped-def]
        return self.app.ink  # type: ignore[attr-defined]

    def _line(self, index: int, width: int) -> Strip:
        row = self._row(index)
        mark = Segment("●" if row.marked else _MARK if index == self.cursor else " ", self._ink["accent"])
        if row.whole is not None:
            made = [Segment(text, self._ink[style]) for text, style in fit(row.whole, max(width - 1, 0))]
        else:
            made = self._cells(row.cells)
        found = Strip([mark, *made]).adjust_cell_length(width)
        if index == self.cursor:
            return _over(found, self._ink.cursor if self.has_focus else self._ink.resting, self.has_focus)
        return found.apply_style(self.rich_style)

    def _cells(self, found: Cells) -> list[Segment]:
        made = []
        by_column = dict(zip(self.columns, found, strict=True))
        for column, width in self.arranged():
            text, style = by_column[column]
            made.append(Segment(_padded(text, width, column.right) + " " * GAP, self._ink[style]))
        return made

    def _headings(self) -> Strip:
        parts = [Segment(" ")]
        for column, width in self.arranged():
            arrow = ("▴" if self.reverse else "▾") if column.sort and column.sort == self.sorted_by else ""
            parts.append(
                Segment(_padded(column.title + arrow, width, column.right) + " " * GAP, self._ink["head"])
            )
        return Strip(parts)

    # -- parts -----------------------------------------------------------------------------------

    def _heading(self, x: int) -> None:
        at = 1
        for column, width in self.arranged():
            if at <= x < at + width + GAP and column.sort:
                self.post_message(self.Sorted(column.sort))
                return
            at += width + GAP

    def _allowed(self, index: int, step: int) -> int:
        """The row at *index*, or the next one in this direction, then in the other, that has a key."""
        last = self._count() - 1
        if last < 0:
            return 0
        index = min(max(index, 0), last)
        for way in (range(index, last + 1), range(index, -1, -1))[::step]:
            found = next((at for at in way if self._row(at).key is not None), None)
            if found is not None:
                return found
        return index

    def _note(self) -> None:
        self.key = (
            self._row(self.cursor).key if self._place is not None and self.cursor < self._count() else None
        )

    def _follow(self, place: int) -> None:
        """The row of the cursor has moved: so does the picture, unless it shows the top."""
        by = place - self.cursor
        self.cursor = place
        if self.scroll_offset.y > 0:
            self.scroll_to(y=self.scroll_offset.y + by, animate=False, immediate=True)
        else:
            self._show()

    def _show(self) -> None:
        height = max(self.scrollable_content_region.height - 1, 1)
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, immediate=True)


def _padded(text: str, width: int, right: bool) -> str:
    shown = cut(safe(text), width)
    space = " " * (width - cells(shown))
    return space + shown if right else shown + space


def _over(strip: Strip, style: Style, whole: bool) -> Strip:
    """The row of the cursor: its ground is one, its colours too where it has the focus."""
    return Strip([Segment(s.text, (s.style or Style.null()) + style) for s in strip], strip.cell_length)
