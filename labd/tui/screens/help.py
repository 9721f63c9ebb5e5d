"""What a page is for, and its keys, as they are now."""

from collections.abc import Sequence

from textual.app import ComposeResult

from labd.cli.render import pad
from labd.tui.screens.base import Dialog
from labd.tui.text import Line, line, wrapped
from labd.tui.widgets.sheet import Sheet


class Key(tuple[str, str, str]):
    """Key, what it does, the name under which it can be changed."""


class Help(Dialog):
    """Help for one page."""

    def __init__(self, title: str, text: str, keys: Sequence[tuple[str, str, str]]) -> None:
        super().__init__(classes="wide")
        self._heading, self._text, self._keys = title, text, keys

    def body(self) -> ComposeResult:
        yield Sheet(self._lines)

    def on_mount(self) -> None:
        sheet = self.query_one(Sheet)
        sheet.styles.height = min(len(self._lines(100, 0)) + 1, max(self.app.size.height - 6, 5))
        sheet.focus()

    def _lines(self, width: int, height: int) -> list[Line]:
        made = [line((self._heading, "title")), []]
        for part in self._text.split("\n\n"):
            made += [*wrapped(" ".join(part.split()), width), []]
        made += [
            [*line((pad(key, 14), "key"), pad(what, 26), (name, "dim"))] for key, what, name in self._keys
        ]
        made += [
            [],
            *wrapped("The names on the right are for [keys] in tui.toml. Escape closes this.", width, "dim"),
        ]
        return made
