"""The loader ``numpy``: layers of weights from an ``.npz`` file, each followed by a ReLU but the last.

The file has ``w0``, ``b0``, ``w1``, ``b1`` and so on; ``arguments.file`` names it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from labd.plugins.serving.worker.context import Context


class Layers:
    """A perceptron."""

    def __init__(self, layers: list[tuple[Any, Any]]) -> None:
        self._layers = layers
        self.inputs = {"x": ("FP32", [-1, layers[0][0].shape[0]])}
        self.outputs = {"y": ("FP32", [-1, layers[-1][0].shape[1]])}

    def predict(self, x: Any) -> Any:
        import numpy

        for weights, bias in self._layers[:-1]:
            x = numpy.maximum(x @ weights + bias, 0)
        weights, bias = self._layers[-1]
        return (x @ weights + bias).astype("f4", copy=False)


def load(context: Context) -> Layers:
    import numpy

    with numpy.load(context.arguments["file"], allow_pickle=False) as file:
        count = sum(name.startswith("w") for name in file.files)
        return Layers([(file[f"w{n}"].astype("f4"), file[f"b{n}"].astype("f4")) for n in range(count)])
