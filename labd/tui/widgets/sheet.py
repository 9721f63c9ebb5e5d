"""A page of lines that scrolls. What stands in it is drawn by a function, for the width that there is."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from labd.tui.ink import Ink
from labd.tui.text import Line

Draw = Callable[[int, int], Sequence[Line]]
"""Takes the width and the height, in cells, and returns the lines; more than the height scroll."""


def strip(line: Line, ink: Ink) -> Strip:
    """A line as Textual has it."""
    return Strip([Segment(text, ink[style]) for text, style in line])


class Sheet(ScrollView, can_focus=True):
    """Shows what *draw* returns; :meth:`redraw` asks it again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False, id="sheet.up"),
        Binding("down,j", "scroll_down", "Down", show=False, id="sheet.down"),
        Binding("pageup", "page_up", "Page up", show=False, id="sheet.page-up"),
        Binding("pagedown,space", "page_down", "Page down", show=False, id="sheet.page-down"),
        Binding("home,g", "scroll_home", "Top", show=False, id="sheet.home"),
        Binding("end,G", "scroll_end", "End", show=False, id="sheet.end"),
    ]

    def __init__(self, draw: Draw, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._draw = draw
        self._lines: Sequence[Line] = []

    def redraw(self) -> None:
        """Draw anew, for the present size."""
        size = self.scrollable_content_region.size
        if not size.width:
            return
        self._lines = self._draw(size.width, size.height)
        self.virtual_size = Size(1, len(self._lines))
        self.refresh()

    def on_resize(self) -> None:
        """A new size is a new picture."""
        self.redraw()

    def on_mount(self) -> None:
        self.call_after_refresh(self.redraw)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        at = y + self.scroll_offset.y
        width = self.size.width
        found = strip(self._lines[at], self.app.ink) if at < len(self._lines) else Strip([])  # type: ignore[attr-defined]
        return found.adjust_cell_length(width).apply_style(self.rich_style)

    def text(self) -> str:
        """What is shown, without styles."""
        return "\n".join("".join(text for text, _ in line).rstrip() for line in self._lines)
