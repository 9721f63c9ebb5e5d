"""The loader ``onnx``: a file, run by onnxruntime; ``arguments.file`` names it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from labd.plugins.serving.worker.context import Context

KINDS = {
    "bool": "BOOL", "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32", "uint64": "UINT64",
    "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64",
    "float16": "FP16", "bfloat16": "BF16", "float": "FP32", "double": "FP64", "string": "BYTES",
}  # fmt: skip


class Session:
    """A model of onnxruntime, by its inputs' and outputs' own names."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.inputs = [(one.name, _kind(one.type), _shape(one.shape)) for one in session.get_inputs()]
        self.outputs = [(one.name, _kind(one.type), _shape(one.shape)) for one in session.get_outputs()]

    def predict(self, **inputs: Any) -> list[Any]:
        found = self._session.run(None, inputs)
        return found if len(found) > 1 else found[0]  # type: ignore[no-any-return]


def load(context: Context) -> Session:
    import onnxruntime

    given = context.arguments
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(given.get("threads", 1))
    providers = given.get("providers") or ["CPUExecutionProvider"]
    return Session(onnxruntime.InferenceSession(given["file"], options, providers=list(providers)))


def _kind(found: str) -> str:
    return KINDS[found.removeprefix("tensor(").removesuffix(")")]


def _shape(found: list[Any]) -> list[int]:
    return [-1, *(n if isinstance(n, int) else -1 for n in found[1:])]
