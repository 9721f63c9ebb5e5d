"""The configuration in force, as TOML for people and as a map for programs. Secrets show as ``***``."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from labd.config.annotations import description, format_unit, members
from labd.config.check import REST
from labd.config.load import Loaded
from labd.config.model import Config
from labd.config.origins import DEFAULT, MISSING, Origin, dotted
from labd.config.plugins import examine_plugin
from labd.config.problems import ConfigErrors
from labd.config.render import key_text, toml_text
from labd.config.secrets import Secret
from labd.config.words import accepted

Structs = Mapping[str, type[msgspec.Struct]]


class Shown(NamedTuple):
    """One setting, ready to be shown."""

    section: tuple[str, ...]
    key: str
    value: Any
    text: str
    origin: Origin


def as_toml(loaded: Loaded, structs: Structs | None = None, *, origins: bool = False) -> str:
    """Every setting in force; *structs* are the settings of plugins that are known, by their names.

    Of a plugin that is not known any text may be a secret, so none is shown. Raises ConfigErrors when the
    table of a plugin is wrong.
    """
    lines: list[str] = []
    section: tuple[str, ...] = ()
    for shown in _settings(loaded, structs or {}):
        if shown.section != section:
            section = shown.section
            lines += [""] * bool(lines) + [f"[{dotted(section)}]"]
        comment = f"  # {shown.origin}" if origins else ""
        key = key_text(shown.key)
        lines.append(f"{key} = {shown.text}{comment}" if shown.text else f"# {key} is not set")
    return "\n".join(lines) + "\n"


def as_json(loaded: Loaded, structs: Structs | None = None) -> dict[str, Any]:
    """``{"files": [...], "settings": {KEY: {"value": ..., "origin": ...}}}``."""
    settings = {
        dotted((*shown.section, shown.key)): {"value": shown.value, "origin": str(shown.origin)}
        for shown in _settings(loaded, structs or {})
    }
    return {"files": list(loaded.files), "settings": settings}


def plugin_settings(name: str, struct: type[msgspec.Struct] | None, loaded: Loaded) -> list[dict[str, Any]]:
    """The settings of one plugin: key, value, default, whether required, origin, what is accepted, meaning.

    Raises ConfigErrors.
    """
    if struct is None:
        return []
    checked = examine_plugin(name, struct, loaded)
    if checked.problems:
        raise ConfigErrors(checked.problems)
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    return [
        {
            "key": shown.key,
            "value": shown.value,
            "default": _default(fields[shown.key]),
            "required": fields[shown.key].required,
            "origin": str(shown.origin),
            "accepts": accepted(fields[shown.key].type),
            "doc": description(fields[shown.key].type),
        }
        for shown in _fields(("plugins", name), checked.value, checked.origins)
    ]


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return _plain(field.default_factory())
    return None if field.default is msgspec.NODEFAULT else _plain(field.default)


def _settings(loaded: Loaded, structs: Structs) -> Iterator[Shown]:
    for field in msgspec.structs.fields(Config):
        section = getattr(loaded.config, field.name)
        yield from _fields((field.encode_name,), section, loaded.origins)
    for name in dict.fromkeys([*loaded.config.plugins.settings, *structs]):
        at = ("plugins", name)
        if name in structs:
            checked = examine_plugin(name, structs[name], loaded)
            if checked.problems:
                raise ConfigErrors(checked.problems)
            yield from _fields(at, checked.value, checked.origins)
        else:
            yield from _unknown(at, loaded)


def _fields(section: tuple[str, ...], struct: Any, origins: Mapping[str, Origin]) -> Iterator[Shown]:
    for field in msgspec.structs.fields(struct):
        if field.encode_name == REST:
            continue
        key = dotted((*section, field.encode_name))
        value = "***" if _is_read_elsewhere(key, origins) else _plain(getattr(struct, field.name))
        origin = origins.get(key) or next((o for k, o in origins.items() if _within(k, key)), DEFAULT)
        yield Shown(section, field.encode_name, value, _text(field.type, value), origin)


def _unknown(section: tuple[str, str], loaded: Loaded) -> Iterator[Shown]:
    for key, value in loaded.config.plugins.settings[section[1]].items():
        path = (*section, key)
        given = [source for source in loaded.sources if source.get(path) is not MISSING]
        hidden = _hidden(value)
        yield Shown(section, key, hidden, toml_text(hidden), given[-1].origin(path))


def _is_read_elsewhere(key: str, origins: Mapping[str, Origin]) -> bool:
    return any(origin.via and (name == key or _within(name, key)) for name, origin in origins.items())


def _within(name: str, key: str) -> bool:
    return name.startswith((f"{key}.", f"{key}["))


def _text(annotation: Any, value: Any) -> str:
    """*value* as TOML; nothing for a text that is None, as TOML has no word for that."""
    if value is None and any(member.base is str for member in members(annotation)):
        return ""
    unit = next((unit for member in members(annotation) if (unit := member.extra("unit"))), None)
    if unit and isinstance(value, (int, float)):
        return toml_text(format_unit(unit, value))
    return toml_text(_without_none(value))


def _without_none(value: Any) -> Any:
    """Tables without their empty places, which are defaults in nearly every case."""
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, enc_hook=_stars)


def _stars(value: Any) -> str:
    return "***" if isinstance(value, Secret) else str(value)


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _hidden(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item) for item in value]
    return "***" if isinstance(value, str) else value
