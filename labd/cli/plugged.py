"""Tables about plugins."""

import json
from typing import Any

from labd.cli.render import Terminal
from labd.cli.table import Cell, Column, table

PLUGINS = [
    Column("NAME"), Column("VERSION"), Column("API"), Column("STATE"), Column("FROM", least=6),
    Column("HOOKS", least=8), Column("SERVICES", least=8), Column("RESTARTS", right=True),
    Column("ERROR", least=10),
]  # fmt: skip
HOOKS = [
    Column("HOOK"),
    Column("PLUGINS", least=8),
    Column("SIGNATURE", least=10),
    Column("WHAT IT DOES", least=12),
]
SETTINGS = [
    Column("SETTING"), Column("VALUE", least=8), Column("DEFAULT", least=8), Column("FROM", least=8),
    Column("WHAT IT MEANS", least=10),
]  # fmt: skip
STYLES = {"loaded": "green", "failed": "red", "broken": "red", "incompatible": "red", "disabled": "dim"}


def plugin_rows(plugins: list[dict[str, Any]], term: Terminal) -> list[str]:
    """The table of plugins."""
    return table(PLUGINS, [_row(plugin) for plugin in plugins], term)


def hook_rows(hooks: list[dict[str, Any]]) -> list[list[Cell]]:
    """A row for each hook."""
    return [
        [
            Cell(hook["name"]),
            Cell(", ".join(hook["plugins"])),
            Cell(hook["signature"].removeprefix(hook["name"])),
            Cell(hook["doc"].partition("\n")[0].replace("``", "`")),
        ]
        for hook in hooks
    ]


def setting_rows(settings: list[dict[str, Any]]) -> list[list[Cell]]:
    """A row for each setting."""
    return [
        [
            Cell(setting["key"]),
            Cell(_shown(setting["value"]), "bold" if setting["origin"] != "default" else ""),
            Cell("(required)" if setting["required"] else _shown(setting["default"])),
            Cell(setting["origin"]),
            Cell(setting["doc"]),
        ]
        for setting in settings
    ]


def _row(plugin: dict[str, Any]) -> list[Cell]:
    hooks = ", ".join(hook.removeprefix("labd_") for hook in plugin.get("hooks") or ())
    services = [f"{one['name']} {one['state']}" for one in plugin.get("services") or ()]
    return [
        Cell(plugin["name"]),
        Cell(plugin.get("version") or ""),
        Cell(str(plugin.get("api") or "")),
        Cell(plugin["state"], STYLES.get(plugin["state"], "")),
        Cell(plugin.get("distribution") or ""),
        Cell(hooks),
        Cell(", ".join(services)),
        Cell(str(plugin.get("restarts") or "")),
        _trouble(plugin),
    ]


def _trouble(plugin: dict[str, Any]) -> Cell:
    """Why it is not loaded, else what went wrong while it was."""
    if plugin.get("error"):
        return Cell(plugin["error"], "red")
    said = plugin.get("last_fault") or ""
    if stalls := plugin.get("stalls"):
        times = "once" if stalls == 1 else f"{stalls} times"
        held = f"held the loop {times}, up to {plugin['worst_stall'] * 1000:.0f} ms"
        said = f"{held}; {said}" if said else held
    return Cell(said, "yellow")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
