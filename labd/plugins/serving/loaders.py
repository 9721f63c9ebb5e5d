"""The ways to load a model that labd brings. Their modules are imported in workers only."""

from labd.api import Loader, ModelSpec, UsageError

WORKER = "labd.plugins.serving.worker"


def all_loaders() -> list[Loader]:
    """python, numpy, onnx, tensorflow."""
    return [
        Loader("python", f"{WORKER}.python", "A Python class: `target` is module:Class.",
               check=_needs_target),
        Loader("numpy", f"{WORKER}.example", "Layers from an .npz file.", warm=("numpy",), check=_needs_file,
               platform="numpy"),
        Loader("onnx", f"{WORKER}.onnx", "A model for onnxruntime (extra onnx).", check=_needs_file,
               platform="onnxruntime_onnx"),
        Loader("tensorflow", f"{WORKER}.keras", "A Keras file or a SavedModel (extra tensorflow).",
               warm=("tensorflow",), check=_needs_file, platform="tensorflow_savedmodel"),
    ]  # fmt: skip


def _needs_target(spec: ModelSpec) -> None:
    module, colon, name = spec.target.partition(":")
    if not all(part.isidentifier() for part in module.split(".")) or (colon and not name):
        raise UsageError(f"target {spec.target!r} is no module:Class", hint='target = "mymodel:Model"')


def _needs_file(spec: ModelSpec) -> None:
    if not isinstance(spec.arguments.get("file"), str):
        raise UsageError(
            f"loader {spec.loader} needs the path of a file", hint='arguments = { file = "/path" }'
        )
