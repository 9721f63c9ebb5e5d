"""Classes with ``get_env``, ``get_model`` and ``predict(model, input)``: the contract of wkr_serving.

``input`` is a list of items, or an array whose first axis is the batch; the answer is as long as it.
"""

from __future__ import annotations

import inspect
import logging
import os
import tempfile

from labd import worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from labd.plugins.serving.worker.context import Context

OWN = ("model_dir", "model_name", "tmp_folder")
"""Arguments of the model that the hooks get, and the constructor does not."""


class Adapted:
    """One of these classes as any other model: ``predict(inputs)``."""

    def __init__(self, thing: Any, settings: Mapping[str, Any]) -> None:
        temporary = settings["tmp_dir"]
        envs = _call(thing, "get_env", [], settings["device_id"], temporary)
        self._before: Callable[[Any], Any] = _call(thing, "get_preprocess", None, envs) or _same
        self._after: Callable[[Any], Any] = _call(thing, "get_postprocess", None, envs) or _same
        folder, name = settings["model_dir"], settings["model_name"]
        self._model = thing.get_model(envs, folder, name, temporary)
        self._thing = thing

    def predict(self, inputs: Any) -> Any:
        return self._after(self._thing.predict(self._model, self._before(inputs)))


def adapt(found: type, context: Context) -> Adapted:
    """A model of the class *found*."""
    arguments = dict(context.arguments)
    settings = {key: arguments.pop(key, None) for key in OWN}
    folder = settings["model_dir"] or "."
    temporary = os.path.join(folder, settings["tmp_folder"]) if settings["tmp_folder"] else tempfile.mkdtemp()
    thing = found(**arguments)
    attributes = {
        "worker_id": context.worker,
        "device_id": context.device,
        "batch_size": context.batch_size,
        "gpu_memory_fraction": context.memory_fraction,
        "model_dir": folder,
        "model_name": settings["model_name"],
        "tmp_folder": temporary,
        "name": context.name,
    }
    for name, value in attributes.items():
        _give(thing, name, value)
    for name, value in {"new_logger": _logger, "record_statistic": record}.items():
        if not hasattr(found, name):
            _give(thing, name, value)
    given = {**settings, "model_dir": folder, "tmp_dir": temporary, "device_id": context.device}
    return Adapted(thing, given)


def record(values: Mapping[str, Any]) -> None:
    """Have *values* counted among the statistics of the model."""
    worker.notify("record", values={str(key): float(value) for key, value in values.items()})


def _give(thing: Any, name: str, value: Any) -> None:
    try:
        setattr(thing, name, value)
    except AttributeError:
        pass  # the class has a word of its own for it


def _call(thing: Any, name: str, default: Any, *arguments: Any) -> Any:
    method = getattr(thing, name, None)
    if method is None:
        return default
    count = len(inspect.signature(method).parameters)
    return method(*arguments[:count])


def _logger() -> logging.Logger:
    log = logging.getLogger("model")
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
    return log


def _same(value: Any) -> Any:
    return value
