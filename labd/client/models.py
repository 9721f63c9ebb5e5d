"""Asking a model: numpy arrays in, numpy arrays out. numpy is imported when a model is asked."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from labd.client.link import Link
from labd.errors import BadInput, UsageError

DTYPES = {
    "BOOL": "|b1",
    "UINT8": "|u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8",
    "INT8": "|i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8",
    "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
MESSAGE, PIECE = 2 * 2**20, 2**20
"""Bytes of arrays over which they go ahead of the request, and in such pieces."""

NAMES = {kind: name for name, kind in DTYPES.items()}


class Prediction(NamedTuple):
    """What a model said: arrays by the names of its outputs, and which version it was."""

    outputs: dict[str, Any]
    version: str

    @property
    def output(self) -> Any:
        """The only output. Raises UsageError when there are several."""
        if len(self.outputs) != 1:
            raise UsageError(
                f"the model has the outputs {', '.join(self.outputs)}", hint="take one of `outputs`"
            )
        return next(iter(self.outputs.values()))


class Model:
    """The model *name*; each call may be from another thread."""

    def __init__(self, link: Link, name: str, version: str = "") -> None:
        self._link, self.name, self.version = link, name, version
        self._inputs: list[dict[str, Any]] | None = None

    def __call__(
        self, *arrays: Any, timeout: float | None = None, priority: int = 0, **named: Any
    ) -> Prediction:
        """Its answer for *arrays*, in the order of its inputs, or by names. The first axis is the batch.

        Arrays become the model's datatype. Raises BadInput, TooLarge, NotReady, Overloaded, DeadlineExceeded,
        ModelFailed.
        """
        try:
            ask = self._ask(arrays, named, timeout, priority)
            return _prediction(self._link.call("model.infer", ask, patient=False))
        except BadInput:
            self._inputs = None  # what it takes may have changed by a reload
            raise

    def stream(
        self, *arrays: Any, timeout: float | None = None, priority: int = 0, **named: Any
    ) -> Iterator[Prediction]:
        """The answers of a model that streams, as they come; leave it early, and the model is told to stop.

        Raises as a call does, and Overloaded for a reader that falls far behind.
        """
        ask = self._ask(arrays, named, timeout, priority)
        for said in self._link.follow("model.infer", {**ask, "stream": True}):
            yield _prediction(said)

    def _ask(
        self, arrays: tuple[Any, ...], named: Mapping[str, Any], timeout: float | None, priority: int
    ) -> dict[str, Any]:
        inputs = [_packed(name, value, kind) for name, value, kind in self._named(arrays, named)]
        if sum(len(one["data"]) for one in inputs) > MESSAGE:
            inputs = [self._staged(one) for one in inputs]
        ask = {"model": self.name, "version": self.version, "inputs": inputs, "priority": priority}
        return ask if timeout is None else ask | {"timeout": timeout}

    def _staged(self, one: dict[str, Any]) -> dict[str, Any]:
        """*one* with its data sent ahead, in pieces that fit into messages."""
        data, name = memoryview(one["data"]), ""
        for at in range(0, len(data), PIECE):
            piece = {"data": bytes(data[at : at + PIECE]), "staged": name}
            name = self._link.call("model.stage", piece, patient=False)["staged"]
        return {**one, "data": b"", "staged": name}

    def show(self) -> dict[str, Any]:
        """How it stands: state, inputs, outputs, workers. Raises UnknownModel."""
        return self._view(patient=True)

    def statistics(self) -> dict[str, Any]:
        """It in numbers."""
        ask = {"model": self.name, "version": self.version}
        found: dict[str, Any] = self._link.call("model.stats", ask)["models"][0]
        return found

    def _view(self, *, patient: bool) -> dict[str, Any]:
        ask = {"model": self.name, "version": self.version}
        found: dict[str, Any] = self._link.call("model.show", ask, patient=patient)["model"]
        return found

    def _named(self, arrays: tuple[Any, ...], named: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
        if self._inputs is None:
            self._inputs = self._view(patient=False)["inputs"]
        known = {one["name"]: one["datatype"] for one in self._inputs}
        if len(arrays) > max(len(known), 1):
            raise UsageError(f"model {self.name} takes {len(known)} inputs, not {len(arrays)}")
        placed = dict(zip(known or ["input"], arrays, strict=False))
        return [(name, value, known.get(name, "")) for name, value in {**placed, **named}.items()]


def _prediction(said: dict[str, Any]) -> Prediction:
    return Prediction({one["name"]: _array(one) for one in said["outputs"]}, said["version"])


def _packed(name: str, value: Any, datatype: str) -> dict[str, Any]:
    import numpy

    try:
        array = (
            numpy.asarray(value, object) if isinstance(_leaf(value), str | bytes) else numpy.asarray(value)
        )
    except ValueError:
        raise UsageError(f"input {name!r} has rows of different lengths") from None
    if array.dtype.kind == "O" and not isinstance(_leaf(array.tolist()), str | bytes):
        raise UsageError(f"input {name!r} is no array of numbers or texts, but of {type(value).__name__}")
    if datatype == "BYTES" or array.dtype.kind in "OSU":
        items = [one if isinstance(one, bytes) else str(one).encode() for one in array.reshape(-1).tolist()]
        data = b"".join(len(one).to_bytes(4, "little") + one for one in items)
        return {"name": name, "datatype": "BYTES", "shape": list(array.shape), "data": data}
    kind = DTYPES.get(datatype) or array.dtype.newbyteorder("<").str
    if kind not in NAMES:
        raise UsageError(f"input {name!r} is an array of {array.dtype}, which cannot travel")
    plain = _cast(numpy, name, array, kind)
    return {"name": name, "datatype": NAMES[kind], "shape": list(array.shape), "data": plain.tobytes()}


def _cast(numpy: Any, name: str, array: Any, kind: str) -> Any:
    """*array* as *kind*, if that keeps its numbers. Raises UsageError."""
    if array.dtype.kind == "c":
        raise UsageError(f"input {name!r} is an array of {array.dtype}; the model takes {NAMES[kind]}")
    with numpy.errstate(invalid="ignore", over="ignore"):
        plain = numpy.ascontiguousarray(array, kind).reshape(array.shape)
    if plain.dtype.kind != "f" and plain.dtype != array.dtype and not (plain == array).all():
        raise UsageError(
            f"input {name!r} has numbers of {array.dtype} that are none of {NAMES[kind]}, the model's",
            hint="convert the array as you mean it",
        )
    return plain


def _leaf(value: Any) -> Any:
    """The first thing in nested lists: numpy would cut the zeros at the end of bytes among them."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return value


def _array(output: dict[str, Any]) -> Any:
    import numpy

    shape, data = output["shape"], output["data"]
    if output["datatype"] != "BYTES":
        return numpy.frombuffer(data, DTYPES[output["datatype"]]).reshape(shape)
    at, found = 0, []
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "little")
        found.append(data[at + 4 : end])
        at = end
    return numpy.array(found, object).reshape(shape)
