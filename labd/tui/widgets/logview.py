"""Shows a log: its end while it grows, any place of it, what is searched for."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from labd.cli.render import safe
from labd.errors import LabdError
from labd.tui.logfile import LogFile, LogLine
from labd.tui.work import start

SIDEWAYS = 16
"""Cells that a key moves the view to the side."""


class LogView(Widget, can_focus=True):
    """A window on a :class:`LogFile`. The end is followed until one moves away from it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="log.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="log.down"),
        Binding("pageup", "leaf(-1)", "Page up", show=False, id="log.page-up"),
        Binding("pagedown,space", "leaf(1)", "Page down", show=False, id="log.page-down"),
        Binding("home,g", "top", "Top", id="log.top", show=False),
        Binding("end,G,f", "end", "Follow", id="log.end", key_display="f"),
        Binding("left", "aside(-1)", "Left", show=False, id="log.left"),
        Binding("right", "aside(1)", "Right", show=False, id="log.right"),
        Binding("w", "wrap", "Wrap", id="log.wrap"),
        Binding("n", "again(False)", "Next", id="log.next", tooltip="Next match"),
        Binding("N", "again(True)", "Previous", show=False, id="log.previous", tooltip="Match before"),
    ]

    class Changed(Message):
        """Something of what is shown has changed."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.file: LogFile | None = None
        self.following, self.wrapping = True, False
        self.trouble = ""
        self.searching: float | None = None
        """How far a search is, from 0 to 1."""
        self.pattern: re.Pattern[bytes] | None = None
        self._shown: list[LogLine] = []
        self._aside = 0
        self._match: int | None = None
        self._missing: Callable[[], str] = lambda: "no output"

    @property
    def share(self) -> float:
        """Where the end of the window is, from 0 to 1."""
        size = self.file.size if self.file else 0
        return self._shown[-1].end / size if size and self._shown else 1.0

    @property
    def first(self) -> int:
        """The byte at which the window begins."""
        return self._shown[0].start if self._shown else 0

    # -- what is shown ---------------------------------------------------------------------------

    def open(self, file: LogFile | None, missing: str = "no output") -> None:
        """Show another log, from its end."""
        self.file, self._shown, self.following, self._aside = file, [], True, 0
        self.trouble, self.searching, self._match = "", None, None
        self._missing = lambda: missing
        self.refresh()
        self.post_message(self.Changed())

    def grown(self, size: int) -> None:
        """The log has so many bytes now."""
        if self.file is None:
            return
        self.file.grown(size)
        if self.following:
            self._go(self._to_end)
        elif len(self._shown) < self.size.height:
            self._go(partial(self._to, self.first))
        self.post_message(self.Changed())

    def find(self, text: str) -> None:
        """Search for *text*: from the window on, or back from the end while that is followed."""
        self.pattern = re.compile(re.escape(text.encode()), re.IGNORECASE) if text else None
        self.refresh()
        if text:
            self.action_again(self.following, fresh=True)

    def action_move(self, by: int) -> None:
        self._go(partial(self._by, by))

    def action_leaf(self, by: int) -> None:
        self._go(partial(self._by, by * max(self.size.height - 1, 1)))

    def action_top(self) -> None:
        self.following = False
        self._go(partial(self._to, 0))

    def action_end(self) -> None:
        self.following = True
        self._go(self._to_end)

    def action_aside(self, by: int) -> None:
        self._aside = max(self._aside + by * SIDEWAYS, 0)
        self.refresh()

    def action_wrap(self) -> None:
        self.wrapping, self._aside = not self.wrapping, 0
        self.refresh()

    def action_again(self, back: bool, *, fresh: bool = False) -> None:
        """Go to the next match, or to the one before."""
        if self.pattern is not None:
            self._go(partial(self._search, back, fresh))

    def jump(self, share: float) -> None:
        """Show a place, from 0 to 1."""
        if self.file is not None:
            self.following = False
            self._go(partial(self._to_place, int(self.file.size * share)))

    def stop(self) -> None:
        """End a search."""
        self.workers.cancel_group(self, "log")
        self.searching = None
        self.post_message(self.Changed())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_move(-3)

    def on_click(self, event: events.Click) -> None:
        """A click at the right edge goes to that place."""
        if event.x == self.size.width - 1:
            self.jump(event.y / max(self.size.height - 1, 1))

    def on_resize(self) -> None:
        if self.file is not None:
            self._go(self._to_end if self.following else partial(self._to, self.first))

    # -- moving ----------------------------------------------------------------------------------

    def _go(self, move: Callable[[], Awaitable[None]]) -> None:
        if self.file is not None:
            start(self, "log", self._gone, move)

    async def _gone(self, move: Callable[[], Awaitable[None]]) -> None:
        try:
            await move()
            self.trouble = ""
        except LabdError as error:
            self.trouble = error.message
        self.refresh()
        self.post_message(self.Changed())

    async def _to(self, start: int) -> None:
        assert self.file is not None, "only an open log is moved in"
        self._shown = await self.file.lines(start, self.size.height)

    async def _to_end(self) -> None:
        assert self.file is not None, "only an open log is moved in"
        await self._to(await self.file.before(self.file.size, self.size.height))

    async def _to_place(self, offset: int) -> None:
        assert self.file is not None, "only an open log is moved in"
        height = self.size.height
        start = await self.file.before(await self.file.line_at(offset), height // 3)
        await self._to(min(start, await self.file.before(self.file.size, height)))

    async def _by(self, by: int) -> None:
        assert self.file is not None, "only an open log is moved in"
        if by < 0:
            self.following = False
            await self._to(await self.file.before(self.first, -by))
            return
        last = await self.file.before(self.file.size, self.size.height)
        lines = await self.file.lines(self.first, by + 1)
        start = min(lines[-1].start if lines else self.first, last)
        self.following = start >= last
        await self._to(max(start, self.first))

    async def _search(self, back: bool, fresh: bool) -> None:
        assert self.file is not None, "only an open log is searched"
        assert self.pattern is not None, "there is something to search for"
        start = self._match + (not back) if self._match is not None and not fresh else self.first
        start = self.file.size if back and fresh else start
        self.following = False
        async for at, found in self.file.find(self.pattern, start, back=back):
            self.searching = at / max(self.file.size, 1)
            self.post_message(self.Changed())
            if found is not None:
                self._match = found
                await self._to_place(found)
                self.searching = None
                return
            await asyncio.sleep(0)
        self.searching = None
        self.notify("no match above" if back else "no match below", severity="warning")

    # -- drawing ---------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.size.width
        ink = self.app.ink  # type: ignore[attr-defined]
        rows = self._rows(width - 2)
        if y < len(rows):
            parts = rows[y]
        else:
            text = self._missing() if y == 1 and not self._shown else ""
            parts = [Segment(f" {text}", ink["dim"])]
        strip = Strip([Segment(" "), *parts]).adjust_cell_length(width - 1)
        edge = Segment("█" if self._thumb(y) else "│", ink["rule" if not self._thumb(y) else "dim"])
        return Strip([*strip, edge]).apply_style(self.rich_style)

    def _thumb(self, y: int) -> bool:
        height, size = self.size.height, self.file.size if self.file else 0
        return (
            bool(size) and y == round(self.first / size * (height - 1)) if self.share < 1 else y == height - 1
        )

    def _rows(self, width: int) -> list[list[Segment]]:
        """What fills the window; wrapped lines push others out, at the end those at the top."""
        rows: list[list[Segment]] = []
        for line in self._shown:
            text = safe(line.text)
            pieces = (
                [text[i : i + width] for i in range(0, len(text), width)]
                if self.wrapping
                else [text[self._aside :]]
            )
            rows += [self._marked(piece) for piece in pieces or [""]]
        height = self.size.height
        return rows[-height:] if self.following else rows[:height]

    def _marked(self, text: str) -> list[Segment]:
        """A line with what is searched for."""
        ink = self.app.ink  # type: ignore[attr-defined]
        if self.pattern is None:
            return [Segment(text)]
        made, at = [], 0
        for found in re.finditer(self.pattern.pattern.decode(), text, re.IGNORECASE):
            made += [Segment(text[at : found.start()]), Segment(found[0], ink["found"])]
            at = found.end()
        return [*made, Segment(text[at:])]
