"""One JSON Schema of the configuration, for editors and for whoever generates files."""

from collections.abc import Mapping
from typing import Any

import msgspec

from labd.config.model import Config
from labd.config.secrets import REFERENCES, Secret

_UNITS = {
    "bytes": {"type": "string", "pattern": r"^[0-9.]+ *([kKmMgGtTpPeE]?[iI]?[bB]?)$"},
    "seconds": {"type": "string", "pattern": r"^([0-9.]+ *[a-zA-Z]* *)+$"},
}
_REFERENCE = {
    "description": "Where the text is read from, instead of the text.",
    "type": "object",
    "properties": {name: {"type": "string", "minLength": 1} for name in REFERENCES},
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}


def json_schema(structs: Mapping[str, type[msgspec.Struct]] | None = None) -> dict[str, Any]:
    """The schema of ``labd.toml``; *structs* are the settings of plugins, by the plugins' names."""
    structs = structs or {}
    types: list[type[msgspec.Struct]] = [Config, *structs.values()]
    tops, parts = msgspec.json.schema_components(types, schema_hook=_custom, ref_template="#/$defs/{name}")
    _describe(parts)
    _open_plugins(parts["Plugins"], dict(zip(structs, list(tops)[1:], strict=True)))
    parts = {name: _widened(part) for name, part in parts.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **parts.pop("Config"),
        "title": "labd.toml",
        "$defs": {**parts, "Reference": _REFERENCE},
    }


def _custom(kind: type) -> dict[str, Any]:
    return {"type": "string", "writeOnly": True} if kind is Secret else {"description": kind.__name__}


def _describe(parts: dict[str, Any]) -> None:
    """Put in what msgspec leaves out: defaults that are lists, and the doc of a section where it is used."""
    for field in msgspec.structs.fields(Config):
        section = parts[str(parts["Config"]["properties"][field.encode_name]["$ref"]).rsplit("/", 1)[1]]
        parts["Config"]["properties"][field.encode_name] = {
            "description": section["description"],
            "$ref": parts["Config"]["properties"][field.encode_name]["$ref"],
        }
        for setting in msgspec.structs.fields(field.type):
            if setting.default_factory is not msgspec.NODEFAULT:
                section["properties"][setting.encode_name]["default"] = setting.default_factory()


def _open_plugins(section: dict[str, Any], tables: dict[str, Any]) -> None:
    section["properties"].pop("*")
    section["properties"] |= tables
    section["additionalProperties"] = {"type": "object", "description": "The settings of one plugin."}


def _widened(schema: Any) -> Any:
    """*schema* with everything that labd also reads: sizes and times as text, references for text."""
    if isinstance(schema, list):
        return [_widened(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: value if key in ("default", "enum") else _widened(value) for key, value in schema.items()}
    if unit := schema.pop("x-labd-unit", None):
        return _either(schema, _UNITS[unit])
    if schema.get("type") == "null":
        return {"const": "none"}
    return _either(schema, {"$ref": "#/$defs/Reference"}) if schema.get("type") == "string" else schema


def _either(schema: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = {
        key: schema.pop(key) for key in ("title", "description", "default") if key in schema
    }
    return {**about, "anyOf": [schema, other]}
