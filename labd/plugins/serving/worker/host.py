"""What a worker of a model offers to the daemon: load it, warm it up, answer batches."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from importlib import import_module

from labd import worker
from labd.plugins.serving.worker import tensors
from labd.plugins.serving.worker.context import Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

OUTPUT = "output"
"""What an answer without a name is called."""


class BadInput(ValueError):
    """What a model raises when its client, and not the model, is wrong."""


class Host:
    """One model, in this process. Its public methods are what the daemon calls."""

    def __init__(self) -> None:
        self._model: Any = None
        self._outputs: list[str] = []
        self._codecs: dict[str, Any] = {}
        self._ways: dict[tuple[str, ...], Callable[[dict[str, Any]], Any]] = {}

    def load(
        self, loader: str, context: dict[str, Any], inputs: list[Any], outputs: list[Any]
    ) -> dict[str, Any]:
        """Load the model by the module *loader*; what it says of itself, where the daemon knows nothing."""
        self._model = import_module(loader).load(Context(**context))
        if not callable(getattr(self._model, "predict", None)):
            raise TypeError(f"{context['target'] or loader} has no method predict")
        inputs = inputs or _specs(getattr(self._model, "inputs", ()))
        outputs = outputs or _specs(getattr(self._model, "outputs", ()))
        self._outputs = [name for name, _, _ in outputs]
        streaming = inspect.isgeneratorfunction(self._model.predict)
        return {"inputs": inputs, "outputs": outputs, "streaming": streaming}

    def warm_up(self, inputs: list[Any], batch_size: int) -> bool:
        """Let the model answer, by its own ``warm_up()`` or with zeros; whether it had something to do."""
        if callable(own := getattr(self._model, "warm_up", None)):
            own()
            return True
        if not inputs or any(dtype not in tensors.KINDS for _, dtype, _ in inputs):
            return False
        for rows in sorted({1, batch_size}):
            shapes = [[rows, *(max(n, 1) if n != -1 else 1 for n in shape[1:])] for _, _, shape in inputs]
            zeros = [
                [name, dtype, shape, bytes(_bytes_of(dtype, shape))]
                for (name, dtype, _), shape in zip(inputs, shapes, strict=True)
            ]
            self.infer([rows], zeros)
        return True

    def infer(
        self, rows: list[int], inputs: list[Any], codec: str = "", parameters: list[Any] | None = None
    ) -> dict[str, Any]:
        """The outputs for a batch; see :mod:`labd.plugins.serving.packing`."""
        if codec:
            return {"outputs": [self._items(codec, inputs[0])]}
        arrays = {name: tensors.array(dtype, shape, data) for name, dtype, shape, data in inputs}
        said = self._way(tuple(arrays))(arrays)
        if isinstance(said, Iterator):
            return self._stream(said)
        return {"outputs": self._named(said, sum(rows))}

    def _items(self, codec: str, tensor: list[Any]) -> list[Any]:
        """Items that only *codec* understands: a list in, a list as long out."""
        name, dtype, _, data = tensor
        module = self._codecs.get(codec)
        if module is None:
            module = self._codecs[codec] = import_module(codec)
        said = self._model.predict([module.decode(one) for one in data])
        answers = _list(said, len(data))
        return [name, dtype, [len(data)], [module.encode(a, d) for a, d in zip(answers, data, strict=True)]]

    def _stream(self, said: Iterator[Any]) -> dict[str, Any]:
        """Tell each piece as it comes; the answer has none."""
        for piece in said:
            if worker.cancelled():
                break
            worker.notify("piece", outputs=self._named(piece, None))
        return {"outputs": []}

    def _named(self, said: Any, rows: int | None) -> list[Any]:
        """What the model said, as outputs of *rows* rows."""
        if isinstance(said, Mapping):
            pairs = list(said.items())
        elif isinstance(said, tuple | list) and len(self._outputs) > 1:
            pairs = list(zip(self._outputs, said, strict=True))
        else:
            pairs = [(self._outputs[0] if self._outputs else OUTPUT, said)]
        found = [tensors.output(str(name), value) for name, value in pairs]
        for name, _, shape, _ in found:
            if rows is not None and (not shape or shape[0] != rows):
                have = f"{shape[0]} rows" if shape else "a single value"
                raise ValueError(f"predict gave {have} as {name!r} for a batch of {rows}")
        return found

    def _way(self, names: tuple[str, ...]) -> Callable[[dict[str, Any]], Any]:
        """How predict takes inputs of these *names*: by name if it has them, else the only one by place."""
        if names not in self._ways:
            self._ways[names] = self._find_way(names)
        return self._ways[names]

    def _find_way(self, names: tuple[str, ...]) -> Callable[[dict[str, Any]], Any]:
        predict = self._model.predict
        taken = inspect.signature(predict).parameters
        if all(name in taken for name in names) or any(p.kind is p.VAR_KEYWORD for p in taken.values()):
            return lambda arrays: predict(**arrays)
        if len(names) == 1:
            return lambda arrays: predict(next(iter(arrays.values())))
        raise BadInput(f"predict takes {', '.join(taken)}; the request has {', '.join(names)}")


def _specs(found: Any) -> list[Any]:
    """``[name, datatype, shape]`` of each, from a dict of pairs or a list of triples."""
    if isinstance(found, Mapping):
        found = [(name, *pair) for name, pair in found.items()]
    return [
        [str(name), str(dtype), [-1 if n is None else int(n) for n in shape]] for name, dtype, shape in found
    ]


def _list(said: Any, count: int) -> list[Any]:
    try:
        answers = list(said)
    except TypeError:
        raise ValueError(f"predict gave a {type(said).__name__} for a list of {count} items") from None
    if len(answers) != count:
        raise ValueError(f"predict gave {len(answers)} answers for {count} items")
    return answers


def _bytes_of(dtype: str, shape: list[int]) -> int:
    size = int(tensors.KINDS[dtype][2:])
    for length in shape:
        size *= length
    return size
