"""In the worker: documents and images as a model takes them, and its result as JSON. Standard library only.

The first byte says what follows: ``j`` a document in JSON, ``i`` an image, ``r`` an image to be made RGB.
"""

import io
import json
from typing import Any


def decode(data: Any) -> Any:
    """The item in *data*. Raises ValueError for what is none."""
    kind, rest = bytes(data[:1]), bytes(data[1:])
    return json.loads(rest) if kind == b"j" else _image(rest, kind == b"r")


def encode(item: Any, data: Any) -> bytes:
    """A result as JSON; arrays become lists."""
    return json.dumps(item, default=_plain).encode()


def _image(data: bytes, rgb: bool) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise ValueError("Wrong input file type, only accept jpg or png image") from None
    return image.convert("RGB") if rgb else image


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
