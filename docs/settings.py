"""The generated parts about configuration, from the model that the daemon checks files with."""

from collections.abc import Mapping
from typing import Any

import msgspec

from docs.tables import code, table
from labd.config import Config, load
from labd.config.annotations import description, unwrap
from labd.config.names import setting_paths
from labd.config.origins import dotted, variable_name
from labd.config.show import as_toml
from labd.config.words import accepted


def settings() -> str:
    """One table for each section of the configuration."""
    defaults = _defaults()
    parts = []
    for section in msgspec.structs.fields(Config):
        rows = [_setting(path, defaults) for path in setting_paths(section.type, (section.name,))]
        parts.append(f"### [{section.name}]\n\n{section.type.__doc__}\n\n" + table(_SETTING_HEADS, rows))
    return "\n\n".join(parts)


_SETTING_HEADS = ["setting", "takes", "default", "what it means"]


def _setting(path: tuple[Any, ...], defaults: Mapping[str, str]) -> list[str]:
    section, key = path
    found = getattr(Config(), str(section))
    annotation = next(f.type for f in msgspec.structs.fields(found) if f.encode_name == key)
    means = description(annotation)
    restart = " A change needs a restart." if unwrap(annotation).extra("restart") else ""
    return [code(dotted(path)), accepted(annotation), code(defaults[dotted(path)]), means + restart]


def _defaults() -> dict[str, str]:
    found, section = {}, ""
    for line in as_toml(load()).splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif " = " in line:
            key, _, text = line.partition(" = ")
            found[f"{section}.{key}"] = text
    return found


def variables() -> str:
    """The environment variable of each setting."""
    return table(
        ["setting", "variable"], [[code(dotted(p)), code(variable_name(p))] for p in setting_paths(Config)]
    )
