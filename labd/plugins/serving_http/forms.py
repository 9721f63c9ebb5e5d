"""What browsers and old programs send: forms, and files among them. Pure."""

import re
from urllib.parse import parse_qsl

import msgspec

_BOUNDARY = re.compile(r'multipart/form-data\s*;.*?boundary="?([^";,\s]{1,70})"?', re.IGNORECASE)
_NAME = re.compile(rb'content-disposition:[^\r\n]*?[;\s]name="?([^";\r\n]+)"?', re.IGNORECASE)


def fields(content_type: str, body: bytes) -> dict[str, bytes]:
    """The fields of a form in *body*: of several parts, as a URL's query, or an object in JSON."""
    found = _BOUNDARY.match(content_type)
    if found is not None:
        return _parts(body, b"--" + found[1].encode())
    if "x-www-form-urlencoded" in content_type:
        return {name: value.encode() for name, value in parse_qsl(body.decode("utf-8", "replace"))}
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    given = document.items() if isinstance(document, dict) else ()
    return {name: value.encode() for name, value in given if isinstance(value, str)}


def _parts(body: bytes, boundary: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in (b"\r\n" + body).split(b"\r\n" + boundary)[1:]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if name is not None:
            found[name[1].decode("utf-8", "replace")] = content
    return found
