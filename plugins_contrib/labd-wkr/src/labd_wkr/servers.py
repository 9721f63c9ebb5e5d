"""Servers as people write them: ``[["host", 8068, 8069], ...]``, also without quotes and in pieces. Pure."""

import json
import re
from typing import Any

EXAMPLE = '[["10.0.0.5", 8068, 8069], ["localhost", 8068, 8069]]'
ENTRY = re.compile(r"\[\s*['\"]?([^\s,'\"\[\]]+)['\"]?\s*,\s*(\d+)\s*,\s*(\d+)\s*\]")


def servers(text: str) -> list[list[Any]] | None:
    """The servers in *text*; None for ``none``. Raises ValueError."""
    if text.strip().lower() == "none":
        return None
    found = [[host, int(port), int(out)] for host, port, out in ENTRY.findall(text)]
    rest = re.sub(r"[\s,\[\]]", "", ENTRY.sub("", text))
    if rest:
        raise ValueError(f"{text!r} is no list of servers, as {EXAMPLE}")
    return checked(found)


def checked(found: Any) -> list[list[Any]]:
    """*found*, when it is a list of servers. Raises ValueError."""
    if not isinstance(found, list) or not found or not all(map(_server, found)):
        raise ValueError(f"{json.dumps(found)[:200]} is no list of servers, as {EXAMPLE}")
    return found


def _server(each: Any) -> bool:
    return (
        isinstance(each, list)
        and len(each) == 3
        and isinstance(each[0], str)
        and all(type(port) is int and 0 < port < 65_536 for port in each[1:])
    )
