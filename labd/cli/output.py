"""stdout is data, stderr is talk."""

import sys
from typing import Any

from labd.cli.render import Terminal, safe, terminal

VERSION = 1
"""The version of every JSON object that labctl prints; fields are only ever added to a version."""


def show(lines: list[str]) -> None:
    """Print lines of data."""
    if lines:
        print("\n".join(lines))


def say(text: str) -> None:
    """Talk to the person: stderr, so that a pipe does not carry it."""
    flush()
    print(safe(text), file=sys.stderr, flush=True)


def flush() -> None:
    """Let the data out before any talk about it. A reader that went away is told of as labctl ends."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return


def screen() -> Terminal:
    """What stdout can take."""
    return terminal(sys.stdout)


def emit(**fields: Any) -> None:
    """Print one versioned JSON object: on one line in a pipe, indented on a terminal."""
    print(encode({"version": VERSION, **fields}, indent=2 if sys.stdout.isatty() else None))


def emit_line(**fields: Any) -> None:
    """Print one line of a stream of JSON objects, at once."""
    print(encode({"version": VERSION, **fields}), flush=True)


def encode(value: Any, indent: int | None = None) -> str:
    """JSON as in RFC 8259: no NaN, bytes as text where they are text and as base64 where not."""
    import json

    return json.dumps(_plain(value), indent=indent, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    if isinstance(value, bytes):
        return _text_of(value)
    if hasattr(value, "tolist"):  # a numpy array that came over the wire
        return _plain(value.tolist())
    return value


def _text_of(data: bytes) -> str | dict[str, str]:
    try:
        return data.decode()
    except UnicodeDecodeError:
        from binascii import b2a_base64

        return {"base64": b2a_base64(data, newline=False).decode()}
