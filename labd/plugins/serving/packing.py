"""From requests to the message of a batch, and from its answer to theirs. Pure; nothing is copied twice.

A message is ``rows`` (of each request) and ``inputs``: ``[name, dtype, shape, data]`` of each tensor, the
requests' joined along the first axis. The answer is ``outputs`` in the same form. Items for a codec are one
``RAW`` tensor of one row each; their data is a list.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from labd.api import Answer, BadInput, Block, Inference, LabdError, ModelFailed, ModelSpec, Tensor, TensorSpec
from labd.api.serving import BYTES, ITEM_SIZES, RAW
from labd.plugins.serving.item import Item

LARGE = 65_536
"""Bytes of one joined tensor from which on it goes through shared memory."""

MOST_DIMENSIONS = 32


class Sound(NamedTuple):
    """A request that was looked at: with which others it goes, its rows and its bytes."""

    key: Hashable
    rows: int
    size: int


def check(request: Inference, inputs: Sequence[TensorSpec], spec: ModelSpec) -> Sound:
    """Whether labd and the model can take *request*. Raises BadInput."""
    tensors = request.tensors
    if not tensors:
        raise BadInput("the request has no tensors", hint="give at least one input")
    rows, size = -1, 0
    for tensor in tensors:
        first = _first_axis(tensor)
        if first != rows != -1:
            raise BadInput(
                f"input {tensor.name!r} has {first} rows, and {tensors[0].name!r} has {rows}",
                hint="the first axis is the batch, and the same for all inputs",
            )
        rows = first
        size += len(tensor.data)
    if not 0 < rows <= spec.max_batch_size:
        raise BadInput(
            f"a request of {rows} rows; this model takes 1 to {spec.max_batch_size}",
            hint="ask in parts, or raise the model's max_batch_size",
        )
    if inputs and not request.codec:
        _match(tensors, inputs)
    key = (request.codec, *[(each.name, each.dtype, each.shape[1:]) for each in tensors])
    return Sound(key, rows, size)


def _first_axis(tensor: Tensor) -> int:
    """The rows of *tensor*, whose data is as long as it says. Raises BadInput."""
    shape, dtype = tensor.shape, tensor.dtype
    if not shape or len(shape) > MOST_DIMENSIONS:
        raise BadInput(
            f"input {tensor.name!r} has {len(shape)} dimensions", hint="1 to 32; the first is the batch"
        )
    count = 1
    for length in shape:
        if length < 0:
            raise BadInput(f"input {tensor.name!r} has a negative length in its shape {list(shape)}")
        count *= length
    each = ITEM_SIZES.get(dtype)
    if each is not None:
        if count * each != len(tensor.data):
            raise BadInput(
                f"input {tensor.name!r} of {dtype} and shape {list(shape)} takes {count * each} bytes, "
                f"not {len(tensor.data)}"
            )
    elif dtype == BYTES:
        cut_texts(tensor.name, tensor.data, count)
    elif dtype != RAW:
        known = ", ".join((*ITEM_SIZES, BYTES))
        raise BadInput(f"input {tensor.name!r} has the datatype {dtype!r}, which does not exist", hint=known)
    return shape[0]


def cut_texts(name: str, data: Any, count: int) -> list[int]:
    """Where each of *count* texts begins in *data*, and where the last ends. Raises BadInput."""
    at, starts = 0, []
    for _ in range(count):
        starts.append(at)
        if at + 4 > len(data):
            raise BadInput(f"tensor {name!r} of BYTES ends within its element {len(starts) - 1} of {count}")
        at += 4 + int.from_bytes(data[at : at + 4], "little")
    if at != len(data):
        raise BadInput(
            f"tensor {name!r} of BYTES has {count} elements in {at} bytes, but {len(data)} bytes came"
        )
    return [*starts, at]


def _match(tensors: Sequence[Tensor], inputs: Sequence[TensorSpec]) -> None:
    known = {spec.name: spec for spec in inputs}
    for tensor in tensors:
        spec = known.pop(tensor.name, None)
        if spec is None:
            names = ", ".join(spec.name for spec in inputs)
            raise BadInput(
                f"the model has no input {tensor.name!r}, or it came twice", hint=f"it has {names}"
            )
        if spec.datatype != tensor.dtype:
            raise BadInput(f"input {tensor.name!r} is {tensor.dtype}; the model takes {spec.datatype}")
        fits = len(spec.shape) == len(tensor.shape) and all(
            want in (-1, have) for want, have in zip(spec.shape[1:], tensor.shape[1:], strict=True)
        )
        if not fits:
            raise BadInput(
                f"input {tensor.name!r} has the shape {list(tensor.shape)}, not {list(spec.shape)}",
                hint="-1 stands for any length",
            )
    if known:
        raise BadInput(f"the request has no input {', '.join(map(repr, known))}")


def join(items: Sequence[Item]) -> dict[str, Any]:
    """The parameters of the call that answers *items*."""
    first = items[0].request
    inputs = []
    rows = [item.rows for item in items]
    total = sum(rows)
    for index, tensor in enumerate(first.tensors):
        parts = [item.request.tensors[index].data for item in items]
        data: Any = parts
        if tensor.dtype != RAW:
            data = Block(parts) if sum(map(len, parts)) >= LARGE else b"".join(parts)
        inputs.append([tensor.name, tensor.dtype, [total, *tensor.shape[1:]], data])
    told = [item.request.parameters for item in items]
    message: dict[str, Any] = {"rows": rows, "inputs": inputs, "codec": first.codec}
    if any(told):
        message["parameters"] = told
    return message


def split(items: Sequence[Item], said: Any, version: str) -> list[Answer | LabdError]:
    """The answers of *items* in what the worker *said*. Raises ModelFailed for what is no answer."""
    outputs = _outputs(said)
    rows = sum(item.rows for item in items)
    for name, dtype, shape, data in outputs:
        _check_output(name, dtype, shape, data, rows)
    if len(items) == 1:
        return [_answer(items[0], version, [Tensor(n, t, tuple(s), _plain(d)) for n, t, s, d in outputs])]
    columns = [_cut(output, items) for output in outputs]
    return [
        _answer(item, version, list(row)) for item, row in zip(items, zip(*columns, strict=True), strict=True)
    ]


def _outputs(said: Any) -> list[list[Any]]:
    """The outputs in *said*: a worker's code may say anything."""
    found = said.get("outputs") if isinstance(said, dict) else None
    if (
        not isinstance(found, list)
        or not found
        or not all(isinstance(o, list) and len(o) == 4 for o in found)
    ):
        raise ModelFailed("the worker answered with something that is no list of outputs")
    for output in found:
        if isinstance(output[3], Block):
            output[3] = output[3].data
    return found


def _is_length(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_output(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4


def _check_output(name: Any, dtype: Any, shape: Any, data: Any, rows: int) -> None:
    if not isinstance(name, str) or not isinstance(shape, list) or not all(map(_is_length, shape)):
        raise ModelFailed("the worker answered with an output without name or shape")
    if not shape or shape[0] != rows:
        raise ModelFailed(f"output {name!r} has {shape[0] if shape else 0} rows for a batch of {rows}")
    count = 1
    for length in shape:
        count *= length
    wanted = ITEM_SIZES.get(dtype)
    if dtype == RAW:
        good = isinstance(data, list) and len(data) == rows and all(isinstance(one, bytes) for one in data)
    else:
        good = isinstance(data, bytes) and (
            dtype == BYTES or (wanted is not None and len(data) == wanted * count)
        )
    if not good:
        raise ModelFailed(f"output {name!r} of {dtype} and shape {shape} has other data")


def _plain(data: Any) -> Any:
    return data[0] if isinstance(data, list) else data


def _cut(output: list[Any], items: Sequence[Item]) -> list[Tensor]:
    """What each of *items* gets of one output."""
    name, dtype, shape, data = output
    if dtype == RAW:
        return [Tensor(name, dtype, (1,), one) for one in data]
    rest = tuple(shape[1:])
    if dtype == BYTES:
        return _cut_texts(name, rest, data, items)
    each = ITEM_SIZES[dtype]
    for length in rest:
        each *= length
    view, at, found = memoryview(data), 0, []
    for item in items:
        end = at + item.rows * each
        found.append(Tensor(name, dtype, (item.rows, *rest), view[at:end]))
        at = end
    return found


def _cut_texts(name: str, rest: tuple[int, ...], data: bytes, items: Sequence[Item]) -> list[Tensor]:
    each = 1
    for length in rest:
        each *= length
    try:
        starts = cut_texts(name, data, each * sum(item.rows for item in items))
    except BadInput as error:
        raise ModelFailed(error.message) from None
    at, found = 0, []
    for item in items:
        end = at + item.rows * each
        found.append(Tensor(name, BYTES, (item.rows, *rest), data[starts[at] : starts[end]]))
        at = end
    return found


def _answer(item: Item, version: str, tensors: list[Tensor]) -> Answer | LabdError:
    request = item.request
    if request.outputs:
        known = {tensor.name: tensor for tensor in tensors}
        if missing := [name for name in request.outputs if name not in known]:
            return BadInput(f"the model has no output {missing[0]!r}", hint=f"it has {', '.join(known)}")
        tensors = [known[name] for name in request.outputs]
    return Answer(request.model, version, request.id, tuple(tensors))
