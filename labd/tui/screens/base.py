"""What every page has: the line at the top, the keys below, and a way to hear of changes."""

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

from labd.tui.store import Changes, Store
from labd.tui.widgets.bars import Keys, Masthead

if TYPE_CHECKING:
    from labd.tui.app import LabdApp
    from labd.tui.link import Link

ALL = Changes()


class Page(Screen[None]):
    """A whole screen. :meth:`body` says what stands in it, :meth:`draw` brings it up to date."""

    HELP_TEXT: ClassVar[str] = ""
    LEADING: ClassVar[tuple[str, ...]] = ()
    """Keys that the line below shows first, by their names."""

    TOPICS: ClassVar[frozenset[str]] = frozenset()
    """Changes of what concern it."""

    def compose(self) -> ComposeResult:
        yield Masthead()
        yield Keys()
        yield from self.body()

    def body(self) -> ComposeResult:
        """The widgets between the lines."""
        raise NotImplementedError

    def draw(self, changes: Changes | None) -> None:
        """Draw what changed; None for all of it."""
        raise NotImplementedError

    def ticked(self) -> None:
        """A second has passed."""

    def on_screen_resume(self) -> None:
        """It is seen again: much may have changed."""
        self.call_after_refresh(self.refreshed, None)

    def refreshed(self, changes: Changes | None) -> None:
        """Draw, with the lines around."""
        if not self.is_mounted:
            return
        if changes is None or changes.topics & self.TOPICS:
            self.draw(changes)
        for bar in self.query(Masthead):
            bar.refresh()

    def on_descendant_focus(self) -> None:
        """Other keys apply."""
        self.bar()

    def bar(self) -> None:
        """The keys have changed."""
        self.refresh_bindings()
        for keys in self.query(Keys):
            keys.refresh()

    @property
    def labd(self) -> "LabdApp":
        app: Any = self.app
        return app  # type: ignore[no-any-return]

    @property
    def store(self) -> Store:
        return self.labd.store

    @property
    def link(self) -> "Link":
        return self.labd.link


class Entry(Input):
    """A line for a filter or a search, shown while it is used."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False, id="entry.leave")
    ]

    def action_leave(self) -> None:
        """Empty it and go back."""
        self.value = ""
        self.close()

    def open(self) -> None:
        """Show it, ready to be typed in."""
        self.add_class("open")
        self.focus()

    def close(self) -> None:
        """Leave it; with something in it it stays in sight."""
        self.set_class(bool(self.value), "open")
        for widget in self.screen.query(".first"):
            widget.focus()


class Dialog(ModalScreen[Any]):
    """Something in front of the page; Escape leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Close", id="dialog.close")]

    def compose(self) -> ComposeResult:
        with Vertical():
            yield from self.body()

    def body(self) -> ComposeResult:
        """What stands in the frame."""
        raise NotImplementedError

    @property
    def labd(self) -> "LabdApp":
        app: Any = self.app
        return app  # type: ignore[no-any-return]
