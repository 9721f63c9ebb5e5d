"""The codec of JSON documents: a model gets them decoded, and its answers may hold arrays."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def decode(data: bytes) -> Any:
    return json.loads(data)


def encode(item: Any, data: bytes) -> bytes:
    return json.dumps(item, default=_plain).encode()


def _plain(value: Any) -> Any:
    """What numpy has, in JSON; TypeError for all else."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    raise TypeError(f"an answer holds a {type(value).__name__}, which is nothing in JSON")
