"""Plugins and services: state, restarts, errors; enable, disable, reload."""

from collections.abc import Hashable
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType

from labd.cli.times import span
from labd.errors import LabdError
from labd.tui.pictures.overview import SERVICE_STYLES
from labd.tui.screens.listing import Listing
from labd.tui.store import Changes
from labd.tui.text import Line, line, pairs, wrapped
from labd.tui.verbs import Step
from labd.tui.widgets.grid import Column, Grid, GridRow
from labd.tui.widgets.note import Note
from labd.tui.widgets.sheet import Sheet
from labd.tui.work import start

COLUMNS = [
    Column("NAME", 16, grow=1),
    Column("OF", 10),
    Column("STATE", 12),
    Column("SINCE", 7, right=True),
    Column("RESTARTS", 8, right=True),
    Column("SAYS", 14, grow=3),
]
STATES = {"loaded": "good", "disabled": "dim", "failed": "bad", "incompatible": "bad", "broken": "bad"}
SIDE = 110


class Plugins(Listing):
    """A table of plugins, and of services below."""

    TOPICS = frozenset({"plugins", "status", "link"})
    TABLE, COLUMNS, EMPTY, SIDE = "plugins", COLUMNS, "no plugins", SIDE
    HELP_TEXT = """\
    Plugins, and the services of labd and of plugins. E enables a plugin, D disables it, R reads its
    code and settings again; that needs the role admin, and holds until labd ends. T logs what a
    plugin does, or stops that."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("E", "switch('enable')", "Enable", id="plugins.enable", tooltip="Load the plugin"),
        Binding("D", "switch('disable')", "Disable", id="plugins.disable", tooltip="Withdraw the plugin"),
        Binding("R", "switch('reload')", "Reload it", id="plugins.reload", tooltip="Read the plugin again"),
        Binding("T", "trace", "Trace", id="plugins.trace", tooltip="Log what the plugin does, or stop that"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[tuple[str, dict[str, Any]]] = []
        self._settings: dict[str, list[dict[str, Any]]] = {}

    def _count(self) -> int:
        return len(self._rows)

    def draw(self, changes: Changes | None) -> None:
        services = [("service", one) for one in self.store.status.get("services") or ()]
        plugins = [("plugin", one) for one in self.store.plugins]
        self._rows = [
            ("heading", {"name": "Plugins"}),
            *plugins,
            ("heading", {"name": "Services"}),
            *services,
        ]
        grid = self.query_one(Grid)
        grid.redraw()
        self.query_one(Sheet).redraw()
        self.query_one(Note).refresh()
        self.bar()

    def ticked(self) -> None:
        self.query_one(Grid).refresh()

    def plugin(self) -> dict[str, Any] | None:
        """The plugin under the cursor; of a service, whose it is."""
        cursor = self.query_one(Grid).cursor
        if cursor >= len(self._rows):
            return None
        kind, one = self._rows[cursor]
        name = one["name"] if kind == "plugin" else one.get("owner")
        return next((plugin for plugin in self.store.plugins if plugin["name"] == name), None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action not in ("switch", "trace"):
            return True
        plugin = self.plugin()
        if plugin is None:
            return False
        loaded = plugin["state"] in ("loaded", "broken")
        return not loaded if parameters == ("enable",) else loaded

    def action_switch(self, verb: str) -> None:
        """Enable and reload at once, disable after asking."""
        from labd.tui.screens.confirm import Confirm

        plugin = self.plugin()
        if plugin is None:
            return
        name = plugin["name"]
        steps = [Step(f"plugin.{verb}", {"plugin": name})]
        said = f"plugin {name}: {verb}d" if verb != "reload" else f"plugin {name}: reloaded"
        undo = {
            "enable": [Step("plugin.disable", {"plugin": name})],
            "disable": [Step("plugin.enable", {"plugin": name})],
        }

        def then(yes: bool | None) -> None:
            if yes:
                start(self.app, "deeds", self.labd.do, said, steps, undo.get(verb, ()), only=False)

        if verb == "disable":
            self.app.push_screen(
                Confirm(f"Disable plugin {name}?", "Its services stop, its methods are gone.", "disable"),
                then,
            )
        else:
            then(True)

    def action_trace(self) -> None:
        plugin = self.plugin()
        if plugin is not None:
            steps = [Step("plugin.trace", {"plugin": plugin["name"], "on": not plugin["trace"]})]
            how = "no longer traced" if plugin["trace"] else "traced in the log of labd"
            said = f"plugin {plugin['name']}: {how}"
            start(self.app, "deeds", self._traced, said, steps, only=False)

    async def _traced(self, said: str, steps: list[Step]) -> None:
        await self.labd.do(said, steps)
        self.link.refresh()

    @on(Grid.Moved)
    def _moved(self) -> None:
        self.query_one(Sheet).redraw()
        self.bar()

    @on(Grid.Opened)
    def _opened(self) -> None:
        plugin = self.plugin()
        if plugin is not None:
            start(self, "settings", self._configured, plugin["name"])

    async def _configured(self, name: str) -> None:
        try:
            self._settings[name] = (await self.link.call("plugin.config", {"plugin": name}))["settings"]
        except LabdError as error:
            self.labd.complain(error)
        self.query_one(Sheet).redraw()

    def _row_at(self, index: int) -> GridRow:
        kind, one = self._rows[index]
        if kind == "heading":
            return GridRow(None, whole=line((one["name"], "title")))
        if kind == "plugin":
            says = one["error"] or one["last_fault"] or f"{one['distribution']} {one['version']}"
            style = "bad" if one["error"] else "warn" if one["last_fault"] else "dim"
            return GridRow(
                (kind, one["name"]),
                [
                    (one["name"], "bold"),
                    (one["distribution"], "dim"),
                    (one["state"], STATES.get(one["state"], "")),
                    ("", ""),
                    (str(one["restarts"] or ""), "warn"),
                    (says, style),
                ],
            )
        since = span(max(self.labd.clock() - one["since"], 0.0))
        return GridRow(
            (kind, one["owner"], one["name"]),
            [
                (one["name"], "bold" if one["owner"] != "labd" else ""),
                (one["owner"], "dim"),
                (one["state"], SERVICE_STYLES.get(one["state"], "")),
                (since, "dim"),
                (str(one["restarts"] or ""), "warn"),
                (one["last_error"], "bad"),
            ],
        )

    def _place_of(self, key: Hashable) -> int | None:
        return next((at for at in range(len(self._rows)) if self._row_at(at).key == key), None)

    def _detail(self, width: int, height: int) -> list[Line]:
        cursor = self.query_one(Grid).cursor
        if cursor >= len(self._rows):
            return []
        kind, one = self._rows[cursor]
        if kind == "service":
            return [
                line((one["name"], "title"), (f"  {one['state']}", SERVICE_STYLES.get(one["state"], ""))),
                [],
                *pairs(
                    [
                        ("Of", one["owner"]),
                        ("Critical", "yes" if one.get("critical") else ""),
                        ("Restarts", str(one["restarts"] or "")),
                        ("Last error", one["last_error"]),
                    ],
                    width,
                    key=12,
                ),
            ]
        if kind != "plugin":
            return []
        return [*_plugin(one, width), *self._known(one["name"], width)]

    def _known(self, name: str, width: int) -> list[Line]:
        settings = self._settings.get(name)
        if settings is None:
            return [[], line(("Enter shows its settings", "dim"))]
        return [
            [],
            line(("Settings", "title")),
            *pairs([(one["key"], str(one["value"])) for one in settings], width),
        ]

    def _note_line(self, width: int) -> Line:
        bad = [one["name"] for one in self.store.plugins if STATES.get(one["state"]) == "bad"]
        text = (
            f" Plugins: {len(self.store.plugins)}   Services: {len(self.store.status.get('services') or ())}"
        )
        return line(text, (f"  in trouble: {', '.join(bad)}" if bad else "", "bad"))


def _plugin(one: dict[str, Any], width: int) -> list[Line]:
    stalls = f"{one['stalls']}, the longest {one['worst_stall']:.2g} s" if one["stalls"] else ""
    return [
        line(
            (one["name"], "title"),
            (f"  {one['state']}", STATES.get(one["state"], "")),
            ("  traced" if one["trace"] else "", "accent"),
        ),
        [],
        *(wrapped(one["error"], width, "bad") if one["error"] else []),
        *pairs(
            [
                ("Comes from", f"{one['distribution']} {one['version']}"),
                ("Module", one["module"]),
                ("API", str(one["api"] or "")),
                ("Hooks", ", ".join(one["hooks"])),
                ("Names", ", ".join(one["names"])),
                ("Restarts", str(one["restarts"] or "")),
                ("Faults", str(one["faults"] or "")),
                ("Last fault", one["last_fault"]),
                ("Stalls", stalls),
                (
                    "Services",
                    ", ".join(f"{service['name']} {service['state']}" for service in one["services"]),
                ),
            ],
            width,
            key=12,
        ),
    ]
