"""The loader ``tensorflow``: a ``.keras`` or ``.h5`` file, or the folder of a SavedModel.

``arguments.file`` names it; ``arguments.signature`` one of a SavedModel's (``serving_default``).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from labd.plugins.serving.worker.context import Context

KINDS = {
    "bool": "BOOL", "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32", "uint64": "UINT64",
    "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64",
    "float16": "FP16", "bfloat16": "BF16", "float32": "FP32", "float64": "FP64", "string": "BYTES",
}  # fmt: skip


class Graph:
    """A compiled function of tensors, by the names of its inputs and outputs."""

    def __init__(self, function: Callable[..., Any], inputs: list[Any], outputs: list[Any]) -> None:
        self._function = function
        self.inputs, self.outputs = inputs, outputs

    def predict(self, **arrays: Any) -> dict[str, Any]:
        said = self._function(**arrays)
        return {name: value.numpy() for name, value in said.items()}


def load(context: Context) -> Graph:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow

    _bound_memory(tensorflow, context)
    path = context.arguments["file"]
    if os.path.isdir(path):
        return _saved(tensorflow, path, context.arguments.get("signature", "serving_default"))
    return _keras(tensorflow, path)


def _saved(tensorflow: Any, path: str, signature: str) -> Graph:
    loaded = tensorflow.saved_model.load(path)
    function = loaded.signatures[signature]
    taken = function.structured_input_signature[1]
    inputs = [_triple(name, one) for name, one in taken.items()]
    outputs = [_triple(name, one) for name, one in function.structured_outputs.items()]
    given = {
        name: getattr(tensorflow, one.dtype.name)
        for name, one in function.structured_input_signature[1].items()
    }

    def call(**arrays: Any) -> Any:
        return function(**{name: tensorflow.constant(arrays[name], kind) for name, kind in given.items()})

    call.loaded = loaded  # type: ignore[attr-defined]  # its variables live as long as it does
    return Graph(call, inputs, outputs)


def _keras(tensorflow: Any, path: str) -> Graph:
    model = tensorflow.keras.models.load_model(path, compile=False)
    inputs = [_triple(one.name.partition(":")[0], one) for one in model.inputs]
    names = list(getattr(model, "output_names", ())) or [f"output_{n}" for n in range(len(model.outputs))]
    outputs = [_triple(name, one) for name, one in zip(names, model.outputs, strict=True)]
    specs = [
        tensorflow.TensorSpec([None if n == -1 else n for n in shape], one.dtype)
        for (_, _, shape), one in zip(inputs, model.inputs, strict=True)
    ]

    def answer(*tensors: Any) -> Any:
        said = model(list(tensors) if len(tensors) > 1 else tensors[0], training=False)
        found = list(said.values()) if isinstance(said, dict) else said
        return dict(zip(names, found if isinstance(found, list | tuple) else [found], strict=True))

    graph = tensorflow.function(answer, input_signature=specs)

    def call(**arrays: Any) -> Any:
        return graph(*(tensorflow.convert_to_tensor(arrays[name]) for name, _, _ in inputs))

    return Graph(call, inputs, outputs)


def _triple(name: str, tensor: Any) -> tuple[str, str, list[int]]:
    kind = getattr(tensor.dtype, "name", tensor.dtype)
    return name, KINDS[kind], [-1, *(-1 if n is None else int(n) for n in tuple(tensor.shape)[1:])]


def _bound_memory(tensorflow: Any, context: Context) -> None:
    """Take as much of the GPU's memory as the model is to have, and not all of it."""
    for gpu in tensorflow.config.list_physical_devices("GPU") if context.device >= 0 else ():
        limit = context.arguments.get("gpu_memory_mib")
        if limit:
            config = tensorflow.config.LogicalDeviceConfiguration(memory_limit=int(limit))
            tensorflow.config.set_logical_device_configuration(gpu, [config])
        else:
            tensorflow.config.experimental.set_memory_growth(gpu, True)
