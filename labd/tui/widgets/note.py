"""One line about what is shown above it."""

from collections.abc import Callable

from labd.tui.text import Line, fit
from labd.tui.widgets.bars import Bar


class Note(Bar):
    """Says what *say* returns, for the width that there is."""

    def __init__(self, say: Callable[[int], Line], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._say = say

    def line(self, width: int) -> Line:
        return fit(self._say(width), width)
