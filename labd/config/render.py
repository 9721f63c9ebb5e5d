"""Values as TOML text. The result is read back by ``tomllib`` as the same value."""

import datetime
import math
import re
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def toml_text(value: Any) -> str:
    """*value* on one line; what TOML cannot say (None, secrets, objects) becomes quoted text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, dict):
        pairs = ", ".join(f"{key_text(str(key))} = {toml_text(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_text, value))}]"
    return quoted("none" if value is None else str(value))


def short(value: Any, limit: int = 60) -> str:
    """*value* for a message: tables only hinted at, long text cut."""
    if isinstance(value, dict):
        return "{...}"
    text = toml_text(value)
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."


def key_text(key: str) -> str:
    """One key as TOML writes it, in quotes when it must be."""
    return key if _BARE.fullmatch(key) else quoted(key)


def quoted(text: str) -> str:
    """*text* as a string of TOML; control characters as escapes."""
    return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _escape(c)) for c in text) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
