"""One JSON Schema of the configuration, for editors and for whoever generates files."""

from collections.abc import Mapping
from functools import reduce
from typing import Annotated, Any

import msgspec

from labd.config.annotations import Member, accepts_text, description, holds_secret, members
from labd.config.check import REST
from labd.config.model import Config
from labd.config.secrets import REFERENCES, Secret
from labd.config.words import choices

Schema = dict[str, Any]

_UNITS: dict[str, Schema] = {
    "bytes": {"type": "string", "pattern": r"^ *[0-9.]+ *([kKmMgGtTpPeE]?[iI]?[bB]?) *$"},
    "seconds": {"type": "string", "pattern": r"^ *([0-9.]+ *[a-zA-Z]* *)+$"},
}
_REFERENCE: Schema = {"$ref": "#/$defs/Reference"}
_REFERENCE_ITSELF: Schema = {
    "description": "Where the text is read from, instead of the text.",
    "type": "object",
    "properties": {name: {"type": "string", "minLength": 1} for name in REFERENCES},
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}


def json_schema(structs: Mapping[str, type[msgspec.Struct]] | None = None) -> Schema:
    """The schema of ``labd.toml``; *structs* are the settings of plugins, by the plugins' names.

    It allows what labd reads: sizes and times as text, references in place of text, ``"none"``.
    """
    writer = _Writer()
    top = writer.struct(Config)
    tables = {name: writer.setting(struct) for name, struct in (structs or {}).items()}
    plugins = writer.parts["Plugins"]
    plugins["properties"] |= tables
    plugins["additionalProperties"] = {"type": "object", "description": "The settings of one plugin."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **top,
        "title": "labd.toml",
        "$defs": {**writer.parts, "Reference": _REFERENCE_ITSELF},
    }


class _Writer:
    """Collects the schema of every struct that is met, under ``$defs``."""

    def __init__(self) -> None:
        self.parts: dict[str, Schema] = {}
        self._names: dict[type, str] = {}

    def struct(self, struct: type[msgspec.Struct]) -> Schema:
        fields = [field for field in msgspec.structs.fields(struct) if field.encode_name != REST]
        return {
            "title": struct.__name__,
            "description": struct.__doc__ or "",
            "type": "object",
            "properties": {field.encode_name: self._field(field) for field in fields},
            "required": [field.encode_name for field in fields if field.required],
            "additionalProperties": False,
        }

    def setting(self, annotation: Any) -> Schema:
        options = [schema for member in members(annotation) for schema in self._member(member)]
        return options[0] if len(options) == 1 else {"anyOf": options}

    def _field(self, field: msgspec.structs.FieldInfo) -> Schema:
        alone = members(field.type)
        about = description(field.type) or ((alone[0].base.__doc__ or "") if alone[0].is_struct else "")
        described = {"description": about} if about else {}
        return described | self.setting(field.type) | _default(field)

    def _member(self, member: Member) -> list[Schema]:
        if member.is_struct:
            return [{"$ref": f"#/$defs/{self._name(member.base)}"}]
        if member.item is not None:
            return [{"type": "array", "items": self.setting(member.item)}]
        if member.origin is dict and member.arguments:
            return [{"type": "object", "additionalProperties": self.setting(member.arguments[1])}]
        return _leaf(member)

    def _name(self, struct: Any) -> str:
        """The name of *struct* in ``$defs``; two of one name get different ones."""
        if struct not in self._names:
            taken = sum(1 for other in self._names if other.__name__ == struct.__name__)
            name = struct.__name__ if not taken else f"{struct.__name__}_{taken + 1}"
            self._names[struct] = name
            self.parts[name] = {}  # keeps its place while the parts of a recursive struct are met
            self.parts[name] |= self.struct(struct)
        return self._names[struct]


def _leaf(member: Member) -> list[Schema]:
    if member.base is Secret:
        return [{"type": "string", "writeOnly": True}, _REFERENCE]
    if member.base is type(None):
        return [{"const": "none"}]
    if names := choices(member):
        return [{"enum": names}]
    annotation = reduce(lambda base, meta: Annotated[base, meta], member.metas, member.base)
    plain = msgspec.json.schema(annotation, schema_hook=lambda kind: {"title": kind.__name__})
    plain = {key: value for key, value in plain.items() if key != "description"}
    unit = member.extra("unit")
    return [plain, *([_UNITS[unit]] if unit else []), *([_REFERENCE] if member.base is str else [])]


def _default(field: msgspec.structs.FieldInfo) -> Schema:
    if field.required or any(member.is_struct for member in members(field.type)):
        return {}
    value = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    if value and holds_secret(field.type):
        return {}
    if value is None:
        return {} if accepts_text(field.type) else {"default": "none"}
    return {"default": msgspec.to_builtins(value, enc_hook=str)}
