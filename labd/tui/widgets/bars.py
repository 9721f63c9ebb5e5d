"""The line at the top, which says where one is and how the link stands, and the one below, with the keys."""

from typing import TYPE_CHECKING, Any

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from labd.cli.render import cells
from labd.tui.text import Line, width_of

if TYPE_CHECKING:
    from labd.tui.app import LabdApp


class Bar(Widget):
    """One line that is made anew whenever it is drawn; parts of it can be clicked."""

    DEFAULT_CSS = "Bar { height: 1; }"

    def line(self, width: int) -> Text:
        """What it says."""
        raise NotImplementedError

    def render(self) -> Text:
        return self.line(self.size.width)

    @property
    def labd(self) -> "LabdApp":
        app: Any = self.app
        return app  # type: ignore[no-any-return]

    def put(self, text: Text, spans: Line) -> None:
        """Add *spans* in their styles."""
        for part, style in spans:
            text.append(part, self.labd.ink[style])


class Masthead(Bar):
    """``labd  1 Overview  2 Jobs ...``, and at the right how the link stands."""

    def line(self, width: int) -> Text:
        state = self.labd.link_line()
        room = width - width_of(state) - 1
        text = Text(no_wrap=True, end="")
        text.append(" labd ", self.labd.ink["title"])
        tabs = self._tabs(room - 6)
        for name, label, here in tabs:
            style = self.labd.ink["title" if here else "dim"]
            text.append(f" {label} ", style + self._target(name) + (self._here if here else self.labd.ink[""]))
        text.append(" " * max(width - cells(text.plain) - width_of(state), 0))
        self.put(text, state)
        return text

    @property
    def _here(self) -> Any:

        return Style(reverse=True)

    def _target(self, name: str) -> Any:

        return Style.from_meta({"@click": f"app.page('{name}')"})

    def _tabs(self, room: int) -> list[tuple[str, str, bool]]:
        here = self.labd.current_mode
        pages = self.labd.pages
        for short in (False, True):
            shown = [
                (p.name, f"{p.key} {p.title}" if not short or p.name == here else p.key, p.name == here)
                for p in pages.values()
            ]
            if sum(cells(label) + 2 for _, label, _ in shown) <= room:
                return shown
        return [one for one in shown if one[2]]


class Keys(Bar):
    """The keys that matter here, as many as there is room for; ``?`` shows all."""

    def line(self, width: int) -> Text:
        text = Text(no_wrap=True, end="")
        always = [("help", "?", "Help", "app.help"), ("palette", "^p", "Commands", "app.command_palette")]
        room = width - sum(cells(key) + cells(label) + 3 for _, key, label, _ in always)
        for _, key, label, action in [*self._fitting(room), *always]:
            self._one(text, key, label, action)
        return text

    def _one(self, text: Text, key: str, label: str, action: str) -> None:

        click = Style.from_meta({"@click": action})
        text.append(f" {key} ", self.labd.ink["key"] + click)
        text.append(f"{label}", self.labd.ink["dim"] + click)

    def _fitting(self, room: int) -> list[tuple[str, str, str, str]]:
        found = []
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not binding.show or not active.enabled or binding.id in ("app.help", "app.palette"):
                continue
            key = self.app.get_key_display(binding)
            room -= cells(key) + cells(binding.description) + 2
            if room < 0:
                break
            found.append((binding.id or "", key, binding.description, _action(active.node, binding.action)))
        return found


def _action(node: Any, action: str) -> str:
    """*action* with the namespace in which Textual finds it from a click."""
    if "." in action:
        return action
    from textual.app import App
    from textual.screen import Screen

    space = "app" if isinstance(node, App) else "screen" if isinstance(node, Screen) else "focused"
    return f"{space}.{action}"
