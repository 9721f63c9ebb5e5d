"""The line at the top, which says where one is and how the link stands, and the one below, with the keys."""

from typing import TYPE_CHECKING, Any, NamedTuple

from rich.text import Text
from textual import events
from textual.app import App
from textual.screen import Screen
from textual.widget import Widget

from labd.cli.render import cells
from labd.tui.text import Line, Span, width_of

if TYPE_CHECKING:
    from labd.tui.app import LabdApp


class Spot(NamedTuple):
    """A part of a bar that can be clicked."""

    spans: Line
    node: Any
    action: str


class Bar(Widget):
    """One line that is made anew whenever it is drawn; parts of it can be clicked."""

    DEFAULT_CSS = "Bar { height: 1; }"

    def line(self, width: int) -> Line:
        """What it says."""
        raise NotImplementedError

    def spots(self) -> list[Spot]:
        """The parts that can be clicked, from the left edge on."""
        return []

    def render(self) -> Text:
        text = Text(no_wrap=True, end="")
        for part, style in self.line(self.size.width):
            text.append(part, self.labd.ink[style])
        return text

    async def on_click(self, event: events.Click) -> None:
        """Do what stands there."""
        at = 0
        for spot in self.spots():
            at += width_of(spot.spans)
            if event.x < at:
                await self.app.run_action(spot.action, default_namespace=spot.node)
                return

    @property
    def labd(self) -> "LabdApp":
        app: Any = self.app
        return app  # type: ignore[no-any-return]


class Masthead(Bar):
    """``labd  1 Overview  2 Jobs ...``, and at the right how the link stands."""

    def line(self, width: int) -> Line:
        state = self.labd.link_line()
        made = [span for spot in self.spots() for span in spot.spans]
        return [*made, Span(" " * max(width - width_of(made) - width_of(state), 0)), *state]

    def spots(self) -> list[Spot]:
        head = Spot([Span(f" {self.labd.host or 'labd'} ", "title")], self.app, "page('overview')")
        room = self.size.width - width_of(self.labd.link_line()) - width_of(head.spans) - 1
        return [head, *(self._tab(name, label) for name, label in self._tabs(room))]

    def _tab(self, name: str, label: str) -> Spot:
        here = name == self.labd.current_mode
        return Spot([Span(f" {label} ", "here" if here else "dim")], self.app, f"page('{name}')")

    def _tabs(self, room: int) -> list[tuple[str, str]]:
        """All with their titles, or else only this page with its own, or else this page alone."""
        here, pages = self.labd.current_mode, self.labd.pages.values()
        whole = [(page.name, f"{page.key} {page.title}") for page in pages]
        short = [(page.name, f"{page.key} {page.title}" if page.name == here else page.key) for page in pages]
        for tabs in (whole, short):
            if sum(cells(label) + 2 for _, label in tabs) <= room:
                return tabs
        return [tab for tab in whole if tab[0] == here]


class Keys(Bar):
    """The keys that matter here, as many as there is room for; ``?`` shows all."""

    def line(self, width: int) -> Line:
        return [span for spot in self.spots() for span in spot.spans]

    def spots(self) -> list[Spot]:
        always = [_spot("?", "Help", self.app, "help"), _spot("^p", "Commands", self.app, "command_palette")]
        room = self.size.width - sum(width_of(spot.spans) for spot in always)
        return [*self._fitting(room), *always]

    def _fitting(self, room: int) -> list[Spot]:
        found: list[Spot] = []
        seen: set[str | None] = set()
        leading: tuple[str, ...] = getattr(self.screen, "LEADING", ())
        for active in sorted(
            self.screen.active_bindings.values(), key=lambda one: one.binding.id not in leading
        ):
            binding = active.binding
            if not binding.show or not active.enabled or active.node is self.app or binding.id in seen:
                continue
            seen.add(binding.id)
            spot = _spot(self.app.get_key_display(binding), binding.description, active.node, binding.action)
            room -= width_of(spot.spans)
            if room < 0:
                break
            found.append(spot)
        return found


def _spot(key: str, label: str, node: App[Any] | Screen[Any] | Any, action: str) -> Spot:
    return Spot([Span(f" {key} ", "key"), Span(label, "dim")], node, action)
