"""The application: pages, the link, frames. It draws at most twenty times a second, and only what changed."""

import asyncio
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from labd import environment
from labd.errors import LabdError
from labd.tui import themes
from labd.tui.ink import Ink
from labd.tui.link import Link
from labd.tui.panels import Contained, find
from labd.tui.registry import PAGES
from labd.tui.screens.base import Page
from labd.tui.settings import Settings
from labd.tui.store import Store
from labd.tui.text import Line, line
from labd.tui.work import start

USUAL = Settings()

FRAME = 0.05
"""Seconds between two pictures, at least."""


def _commands() -> type[Any]:
    from labd.tui.screens.palette import Commands

    return Commands


async def here() -> dict[str, Any]:
    """Where a new job runs unless something else is said: here, and with our environment."""
    env = environment.captured(os.environ, clean=False)
    if "TEXTUAL_DRIVER" in env:
        from labd.tui.served import without

        env = without(env)
    return {"cwd": os.getcwd(), "env": env}


class LabdApp(App[None]):
    """``labd tui``."""

    TITLE = "labd"
    CSS_PATH = "look.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    COMMANDS: ClassVar[set[Any]] = {_commands}
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(page.key, f"page('{page.name}')", page.title, show=False, id=f"app.{page.name}")
            for page in PAGES.values()
        ),
        Binding("question_mark,f1", "help", "Help", show=False, id="app.help", key_display="?"),
        Binding("u", "undo", "Undo", id="app.undo", tooltip="Take back what was done last", show=False),
        Binding("r", "reload", "Reload", id="app.reload", tooltip="Ask for everything again", show=False),
        Binding("q,ctrl+c,ctrl+q", "quit", "Quit", show=False, id="app.quit"),
    ]

    def __init__(
        self,
        make_link: Callable[[Store, Callable[[], None]], Link],
        settings: Settings = USUAL,
        *,
        first: str = "overview",
        find_panels: Callable[[], list[Contained]] = find,
        clock: Callable[[], float] = time.time,
        host: str = "",
        login: Callable[[], Awaitable[dict[str, Any]]] = here,
    ) -> None:
        super().__init__()
        self.store = Store()
        self.link = make_link(self.store, self.wake)
        self.clock, self.host, self.login = clock, host, login
        self.pages = dict(PAGES)
        self.log_wanted: tuple[int, int | None] | None = None
        self.faults: deque[BaseException] = deque(maxlen=20)
        """Mistakes of ours, in work beside the drawing."""
        self.undoing: tuple[str, Sequence[Any]] | None = None
        self.find_panels = find_panels
        self._settings, self._first = settings, first
        self._drawn = 0.0
        self._due = False
        for theme in themes.THEMES:
            self.register_theme(theme)
        self.theme = themes.NAMES[settings.theme]
        self.ink = Ink(self.get_css_variables())
        for page in self.pages.values():
            self.add_mode(page.name, page.make)
        self.set_keymap(dict(settings.keys))

    # -- life ------------------------------------------------------------------------------------

    async def on_mount(self) -> None:
        """Show the first page, then connect."""
        await self.switch_mode(self._first)
        start(self, "link", self.link.run)
        self.set_interval(1.0, self._tick)

    def wake(self) -> None:
        """The store has something new: draw soon, at once when the last picture is old enough."""
        if self._due:
            return
        self._due = True
        wait = max(self._drawn + FRAME - time.monotonic(), 0.0)
        asyncio.get_running_loop().call_later(wait, self._frame)

    def _frame(self) -> None:
        self._due, self._drawn = False, time.monotonic()
        changes, page = self.store.drain(), self._page()
        if page is not None and changes.topics:
            self._guarded(partial(page.refreshed, changes))

    def _tick(self) -> None:
        self.store.tick()
        page = self._page()
        if page is not None:
            self._guarded(page.ticked)

    def _guarded(self, draw: Callable[[], None]) -> None:
        """A picture that cannot be drawn is told, and never ends the application."""
        try:
            draw()
        except NoMatches:
            pass  # the page is being made, or taken away
        except Exception as error:
            self._faulted(error)

    def _page(self) -> Page | None:
        """The page that is seen, be there something in front of it or not."""
        if not self._screen_stacks.get(self.current_mode):
            return None
        return next((one for one in reversed(self.screen_stack) if isinstance(one, Page)), None)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Work that failed by a mistake of ours is told, and remembered."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self._faulted(event.worker.error)

    def _faulted(self, error: BaseException) -> None:
        again = any(type(one) is type(error) and str(one) == str(error) for one in self.faults)
        self.faults.append(error)
        if not again:
            self.notify(f"{type(error).__name__}: {error}", severity="error", markup=False)

    # -- looks -----------------------------------------------------------------------------------

    def look(self, name: str) -> None:
        """Take another theme."""
        self.theme = themes.NAMES[name]
        self.ink = Ink(self.get_css_variables())
        page = self._page()
        if page is not None:
            page.refreshed(None)
            page.bar()

    def link_line(self) -> Line:
        """How the link stands, for the right end of the top line."""
        link, store = self.store.link, self.store
        if not link.up:
            return line(("○ no labd", "bad"), (" trying ", "dim"))
        again = f"↻ after {link.resumed} " if link.resumed is not None else ""
        lost = f"-{store.skipped} " if store.skipped else ""
        load = f"loading {len(store.jobs)} " if store.loading else ""
        return line(
            (load, "info"), (lost, "warn"), (again, "info"), ("● live", "good"), (f" #{store.last} ", "dim")
        )

    # -- actions ---------------------------------------------------------------------------------

    async def action_page(self, name: str) -> None:
        """Show a page; what was opened in front of another stays there."""
        if isinstance(self.screen, Page) and name != self.current_mode:
            await self.switch_mode(name)

    def action_help(self) -> None:
        """Explain the page and its keys."""
        from labd.tui.screens.help import Help

        page = self._page()
        if page is None or isinstance(self.screen, Help):
            return
        entry = self.pages.get(self.current_mode)
        title = entry.title if entry and len(self.screen_stack) == 1 else type(page).__name__
        self.push_screen(Help(title, page.HELP_TEXT, self._keys(page)))

    def _keys(self, page: Screen[Any]) -> list[tuple[str, str, str]]:
        found: dict[str, tuple[list[str], str]] = {}
        for active in page.active_bindings.values():
            binding = active.binding
            if binding.id and "." in binding.id:
                keys, _ = found.setdefault(binding.id, ([], binding.tooltip or binding.description))
                keys.append(self.get_key_display(binding))
        return [(" ".join(dict.fromkeys(keys)), what, name) for name, (keys, what) in found.items()]

    def show_log(self, job: int, attempt: int | None = None) -> None:
        """Show the page of logs, with the output of this job."""
        self.log_wanted = (job, attempt)
        while len(self.screen_stack) > 1:
            self.pop_screen()
        start(self, "page", self.action_page, "logs")

    def action_reload(self) -> None:
        self.link.refresh()
        self.notify("Asking for everything again")

    def action_undo(self) -> None:
        """Take back the last change, where that can be done."""
        if self.undoing is None:
            self.notify("There is nothing to take back", severity="warning")
            return
        (what, steps), self.undoing = self.undoing, None
        start(self, "deeds", self.do, f"Took back: {what}", steps, only=False)

    async def do(self, what: str, steps: Sequence[Any], undo: Sequence[Any] = ()) -> None:
        """Make the calls, and say how that went."""
        failed, done = [], 0
        for at in range(0, len(steps), 16):
            calls = [self.link.call(step.method, step.params) for step in steps[at : at + 16]]
            for answer in await asyncio.gather(*calls, return_exceptions=True):
                failed += [answer] if isinstance(answer, LabdError) else []
                done += not isinstance(answer, BaseException)
        if done and undo:
            self.undoing = what, undo
        if done:
            self.notify(what + ("  (u takes it back)" if undo else ""), markup=False)
        if failed:
            self.complain(failed[0], more=len(failed) - 1)

    def complain(self, error: LabdError, more: int = 0) -> None:
        """Tell of an error, and what to do about it."""
        text = (
            error.message + (f"\n{error.hint}" if error.hint else "") + (f"\nand {more} more" if more else "")
        )
        self.notify(text, severity="error", timeout=8, markup=False)
