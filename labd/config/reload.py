"""What a reload changes, and what of it a running daemon cannot take up."""

from typing import Any

import msgspec

from labd.config.annotations import unwrap
from labd.config.lines import Path
from labd.config.model import Config
from labd.config.names import setting_paths
from labd.config.origins import dotted


def changed(old: Config, new: Config) -> list[str]:
    """The dotted keys whose values differ; a plugin's table counts as one."""
    keys = [dotted(path) for path in setting_paths(Config) if _value(old, path) != _value(new, path)]
    return keys + _changed_tables(old, new)


def changed_needing_restart(old: Config, new: Config) -> list[str]:
    """Those of the changed keys that only a restart takes up."""
    paths = [path for path in setting_paths(Config) if _needs_restart(path)]
    return [dotted(path) for path in paths if _value(old, path) != _value(new, path)]


def _changed_tables(old: Config, new: Config) -> list[str]:
    before, after = old.plugins.settings, new.plugins.settings
    return [dotted(("plugins", name)) for name in before | after if before.get(name) != after.get(name)]


def _needs_restart(path: Path) -> bool:
    section, key = path
    fields = msgspec.structs.fields(getattr(Config(), str(section)))
    return any(field.name == key and unwrap(field.type).extra("restart") for field in fields)


def _value(config: Config, path: Path) -> Any:
    section, key = path
    return getattr(getattr(config, str(section)), str(key))
