"""Models that labd serves: their queues, batches and workers; load, unload, reload, scale, try one."""

import asyncio
import time
from collections.abc import Hashable
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType

from labd.cli.modelled import milliseconds
from labd.errors import LabdError
from labd.tui.pictures.model import STATES, model_lines
from labd.tui.screens.listing import Listing
from labd.tui.served_models import Key, Models
from labd.tui.store import Changes
from labd.tui.text import Line, line, wrapped
from labd.tui.verbs import Step
from labd.tui.widgets.grid import Column, Grid, GridRow
from labd.tui.widgets.note import Note
from labd.tui.widgets.sheet import Sheet
from labd.tui.work import start

COLUMNS = [
    Column("MODEL", 14, grow=2),
    Column("VERSION", 7),
    Column("STATE", 9),
    Column("WORKERS", 7, right=True),
    Column("QUEUE", 6, right=True),
    Column("RATE", 8, right=True),
    Column("P50", 8, right=True),
    Column("P99", 8, right=True),
    Column("FAILED", 7, right=True, above=90),
]
SIDE = 110
PACE = 1.0
"""Seconds between two questions, at least."""

MISSING = (
    "Models are served by the plugin serving, and labd has it not: {}. The page Plugins says how it stands; "
    "E enables it there."
)
EMPTY = "no models: L loads one, and so does labctl model load NAME module:Class"


class ModelsPage(Listing):
    """A table of models, and one of them at length."""

    TOPICS = frozenset({"machine", "events", "link"})
    TABLE, COLUMNS, EMPTY, SIDE = "models", COLUMNS, EMPTY, SIDE
    HELP_TEXT = """\
    Models that labd serves. Rates and times are about the last half minute; times are upper bounds.
    Enter shows one at length, i asks it something. What is asked of it arrives as any request does."""
    LEADING = ("models.try", "models.load", "models.scale", "models.reload", "models.unload")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "try", "Try", id="models.try", tooltip="Ask the model something"),
        Binding("L", "load", "Load", id="models.load", tooltip="Load a model"),
        Binding("plus", "scale", "Scale", id="models.scale", tooltip="Change how many workers it has",
                key_display="+"),
        Binding("R", "reload_model", "Reload it", id="models.reload", tooltip="Load its code anew"),
        Binding("U", "unload", "Unload", id="models.unload", tooltip="Let the model go"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.models = Models()
        self._rows: list[Key] = []
        self._missing = ""
        self._asking, self._wanted, self._seen = False, False, 0

    def _count(self) -> int:
        return len(self._rows)

    def on_resize(self) -> None:
        super().on_resize()
        self.query_one(Sheet).display |= bool(self._missing)

    def draw(self, changes: Changes | None) -> None:
        """Ask when a model has changed, and as often as labd looks at the machine."""
        news = [one for one in reversed(self.store.events) if one["seq"] > self._seen]
        self._seen = self.store.last
        told = any(one["kind"].startswith(("model.", "plugin.")) for one in news)
        if changes is None or told or changes.topics & {"machine", "link"}:
            self._ask()

    def current(self) -> dict[str, Any] | None:
        """The version under the cursor."""
        cursor = self.query_one(Grid).cursor
        return self.models.views.get(self._rows[cursor]) if cursor < len(self._rows) else None

    # -- what is asked ---------------------------------------------------------------------------

    def _ask(self) -> None:
        self._wanted = True
        if not self._asking and self.store.link.up:
            self._asking = True
            start(self, "models", self._asked, only=False)

    async def _asked(self) -> None:
        self._wanted = False
        try:
            views = (await self.link.call("model.list"))["models"]
            counted = (await self.link.call("model.stats"))["models"]
            self.models.take(views, counted, time.monotonic())
            self._missing = ""
        except LabdError as error:
            self.models.take([], [], 0.0)
            self._missing = error.message
        self._show()
        await asyncio.sleep(PACE)
        self._asking = False
        if self._wanted:
            self._ask()

    def _show(self) -> None:
        self._rows = sorted(self.models.views, key=lambda key: (key[0], not self.models.views[key]["newest"]))
        self.query_one(Grid).display = not self._missing
        self.on_resize()
        self.query_one(Grid).redraw()
        self.query_one(Sheet).redraw()
        self.query_one(Note).refresh()
        self.bar()

    # -- keys ------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "load":
            return not self._missing
        if action not in ("try", "scale", "reload_model", "unload"):
            return True
        one = self.current()
        if one is None:
            return False
        if action == "unload":
            return bool(one["state"] != "unloaded")
        return bool(one["state"] == "ready" and (action == "try" or not one["pipeline"]))

    def action_try(self) -> None:
        from labd.tui.screens.ask_model import AskModel

        one = self.current()
        if one is not None:
            self.app.push_screen(AskModel(one))

    def action_load(self) -> None:
        """Load the one under the cursor again, when it is not loaded; else ask which."""
        from labd.tui.screens.ask_model import LoadModel

        one = self.current()
        if one is not None and one["state"] in ("unloaded", "failed"):
            self._confirmed("load", "It is loaded as it was.", {"model": one["name"]})
            return

        def then(params: dict[str, Any] | None) -> None:
            if params is not None:
                self._do("load", params)

        self.app.push_screen(LoadModel(), then)

    def action_scale(self) -> None:
        from labd.tui.screens.confirm import Number

        one = self.current()
        if one is None:
            return
        name = one["name"]

        def then(workers: int | None) -> None:
            if workers is not None:
                self._do("scale", {"model": name, "workers": workers})

        self.app.push_screen(Number(f"How many workers for {name}?", one["workers"]), then)

    def action_reload_model(self) -> None:
        one = self.current()
        if one is not None:
            about = "The new one is ready before the old one leaves; for a moment both need room."
            self._confirmed("reload", about, {"model": one["name"]})

    def action_unload(self) -> None:
        one = self.current()
        if one is not None:
            about = "What it was asked is answered, then its workers end. It is not loaded at the next start."
            self._confirmed("unload", about, {"model": one["name"], "version": one["version"]})

    def _confirmed(self, verb: str, about: str, params: dict[str, Any]) -> None:
        from labd.tui.screens.confirm import Confirm

        def then(yes: bool | None) -> None:
            if yes:
                self._do(verb, params)

        self.app.push_screen(Confirm(f"{verb.capitalize()} model {params['model']}?", about, verb), then)

    def _do(self, verb: str, params: dict[str, Any]) -> None:
        done = f"model {params['model']}: {verb}{'d' if verb.endswith('e') else 'ed'}"
        self.notify(f"model {params['model']}: {verb} begun", markup=False)
        start(self.app, "deeds", self.labd.do, done, [Step(f"model.{verb}", params)], only=False)

    @on(Grid.Moved)
    def _moved(self) -> None:
        self.query_one(Sheet).redraw()
        self.bar()

    @on(Grid.Opened)
    def _opened(self) -> None:
        side = self.query_one(Sheet)
        side.display = True
        side.focus()

    # -- drawing ---------------------------------------------------------------------------------

    def _row_at(self, index: int) -> GridRow:
        key = self._rows[index]
        one, counted = self.models.views[key], self.models.now(key) or {}
        rate = self.models.rate(key)
        return GridRow(
            key,
            [
                (one["name"], "bold" if one["newest"] else ""),
                (one["version"], "dim"),
                (one["state"], STATES.get(one["state"], "")),
                (f"{one['ready_workers']}/{one['workers']}" if one["workers"] else "", ""),
                (f"{counted.get('queued') or ''}", "warn"),
                (f"{rate:,.1f}/s" if rate else "", "info"),
                (self._took(key, 0.5, counted), ""),
                (self._took(key, 0.99, counted), ""),
                (f"{counted.get('failed') or ''}", "bad"),
            ],
        )

    def _took(self, key: Key, part: float, counted: dict[str, Any]) -> str:
        return milliseconds(self.models.took(key, "latency", part)) if counted else ""

    def _place_of(self, key: Hashable) -> int | None:
        return self._rows.index(key) if key in self._rows else None

    def _detail(self, width: int, height: int) -> list[Line]:
        if self._missing:
            return [[], *wrapped(MISSING.format(self._missing), width, "dim")]
        cursor = self.query_one(Grid).cursor
        if cursor >= len(self._rows):
            return []
        return model_lines(self.models, self._rows[cursor], width)

    def _note_line(self, width: int) -> Line:
        views = self.models.views.values()
        ready = sum(one["state"] == "ready" for one in views)
        rest = len(self._rows) - ready
        rate = sum(self.models.rate(key) for key in self._rows)
        return line(
            f" Models: {len(self._rows)}   ready: {ready}",
            (f"   others: {rest}" if rest else "", "warn"),
            (f"   {rate:,.0f} requests/s" if rate else "", "info"),
        )
