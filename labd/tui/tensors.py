"""Arrays as people type them, and as the wire has them. Pure; numpy would cost the start of the interface."""

import json
import math
import struct
from typing import Any

from labd.cli.render import safe

FORMATS = {
    "BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b", "INT16": "h",
    "INT32": "i", "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip
SHORT = 24
"""Numbers that are written out in an example."""

SHOWN = 400
"""Numbers of an answer that are shown."""


def example(spec: dict[str, Any]) -> str:
    """Something that an input takes: one row of nothing, or one number for all of a large one."""
    shape = _fixed(spec)
    if spec["datatype"] == "BYTES":
        return json.dumps(_filled(shape, "")) if math.prod(shape) <= SHORT else '""'
    return json.dumps(_filled(shape, 0)) if math.prod(shape) <= SHORT else "0"


def packed(spec: dict[str, Any], text: str) -> dict[str, Any]:
    """An input of ``model.infer``. A lone value fills the whole of it. Raises ValueError."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{spec['name']}: {error}; write it as JSON, like [[1, 2], [3, 4]]") from None
    if not isinstance(value, list):
        value = _filled(_fixed(spec), value)
    shape, flat = _shape(value), _flat(value)
    if math.prod(shape) != len(flat):
        raise ValueError(f"{spec['name']}: its rows are not of one length")
    return {
        "name": spec["name"],
        "datatype": spec["datatype"],
        "shape": shape,
        "data": _bytes(spec, flat),
    }


def shown(output: dict[str, Any]) -> str:
    """An output of ``model.infer`` as text: the first numbers of a long one."""
    flat = _values(output)
    if len(flat) > SHOWN:
        return f"{_text(flat[:SHOWN])} and {len(flat) - SHOWN} more"
    return _text(_nested(flat, list(output["shape"])))


def _text(value: Any) -> str:
    return safe(json.dumps(value, ensure_ascii=False))


def _bytes(spec: dict[str, Any], flat: list[Any]) -> bytes:
    if spec["datatype"] == "BYTES":
        items = [str(one).encode() for one in flat]
        return b"".join(len(one).to_bytes(4, "little") + one for one in items)
    if spec["datatype"] not in FORMATS:
        raise ValueError(f"{spec['name']}: {spec['datatype']} cannot be typed here")
    try:
        return struct.pack(f"<{len(flat)}{FORMATS[spec['datatype']]}", *flat)
    except (struct.error, OverflowError) as error:
        raise ValueError(f"{spec['name']} is {spec['datatype']}: {error}") from None


def _values(output: dict[str, Any]) -> list[Any]:
    data = output["data"]
    if output["datatype"] == "BYTES":
        return _strings(data)
    if output["datatype"] not in FORMATS:
        return [f"{len(data)} bytes of {output['datatype']}"]
    found = struct.unpack(f"<{math.prod(output['shape'])}{FORMATS[output['datatype']]}", data)
    return [float(f"{one:.6g}") if isinstance(one, float) else one for one in found]


def _strings(data: bytes) -> list[str]:
    at, found = 0, []
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "little")
        found.append(data[at + 4 : end].decode("utf-8", "replace"))
        at = end
    return found


def _fixed(spec: dict[str, Any]) -> list[int]:
    return [size if size >= 0 else 1 for size in spec["shape"]]


def _filled(shape: list[int], value: Any) -> Any:
    return [_filled(shape[1:], value) for _ in range(shape[0])] if shape else value


def _shape(value: Any) -> list[int]:
    return [len(value), *(_shape(value[0]) if value else [])] if isinstance(value, list) else []


def _flat(value: Any) -> list[Any]:
    return [one for part in value for one in _flat(part)] if isinstance(value, list) else [value]


def _nested(flat: list[Any], shape: list[int]) -> Any:
    if math.prod(shape) != len(flat):
        return flat
    if len(shape) <= 1:
        return flat if shape else flat[0]
    step = len(flat) // shape[0] if shape[0] else 0
    return [_nested(flat[n * step : (n + 1) * step], shape[1:]) for n in range(shape[0])]
