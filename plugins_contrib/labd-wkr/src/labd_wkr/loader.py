"""The loader ``wkr``: a class with ``get_env``, ``get_model`` and ``predict(model, input)``. Runs in workers.

``target`` is FILE.Class; the file is loaded by its path from ``arguments.folder``, as the old server did, and
the folder is on ``sys.path`` for what stands beside it. The other arguments are the old server's flags.
"""

import importlib.util
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

import numpy as np
from wkr_serving.server import WKRHardWorker

ABSENT = {"model_name": None, "log_dir": None}
"""Flags that were not given, and that a configuration cannot hold."""


class Contract:
    """One of these classes as a model of labd: a list of items in, as many answers out."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        folder = worker.tmp_folder
        envs = worker.get_env(worker.device_id, folder)
        self._before, self._after = worker.get_preprocess(envs), worker.get_postprocess(envs)
        self._model = worker.get_model(envs, worker.model_dir, worker.model_name, folder)

    def predict(self, items: Sequence[Any]) -> list[Any]:
        """The answers for *items*. Arrays of different shapes go to the class one shape after the other."""
        answers: dict[int, Any] = {}
        for places in self._alike(items):
            batch = self._worker.batching([items[place] for place in places])
            said = self._after(self._worker.predict(self._model, self._before(batch)))
            answers |= zip(places, _as_many(said, len(places)), strict=True)
        return [answers[place] for place in range(len(items))]

    def _alike(self, items: Sequence[Any]) -> list[list[int]]:
        """The places of items that can be one batch."""
        if self._worker.transfer_proto != "numpy":
            return [list(range(len(items)))]
        kinds: dict[Any, list[int]] = {}
        for place, item in enumerate(items):
            array = isinstance(item, np.ndarray)
            kinds.setdefault((item.shape, item.dtype.str) if array else type(item), []).append(place)
        return list(kinds.values())


def load(context: Any) -> Contract:
    """The model of *context*. Raises what the class raises, ImportError where it is not to be found."""
    given = Namespace(**ABSENT | context.arguments)
    found = find(context.target, given.folder)
    if not (isinstance(found, type) and issubclass(found, WKRHardWorker)):
        raise TypeError(f"{context.target} is no subclass of WKRHardWorker")
    given.tmp_dir = _temporary(given)
    return Contract(found(context.worker, given, [], "", context.device))


def find(target: str, folder: str) -> Any:
    """The class FILE.Class in *folder*. Raises ImportError."""
    module, _, name = target.partition(".")
    path = os.path.join(folder, f"{module}.py")
    spec = importlib.util.spec_from_file_location(module, path)
    if not name.isidentifier() or spec is None or spec.loader is None or not os.path.exists(path):
        raise ImportError(f"{target} is no FILE.Class: there is no {path}, or no class is named")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    loaded = sys.modules[module] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return getattr(loaded, name)


def _temporary(given: Namespace) -> str:
    """The folder for temporary files: below the models' where that can be, else the system's."""
    folder: str = os.path.join(given.model_dir, given.tmp_folder)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return tempfile.mkdtemp(prefix="wkr-")
    return folder


def _as_many(said: Any, count: int) -> list[Any]:
    answers = list(said)
    if len(answers) != count:
        raise ValueError(f"predict gave {len(answers)} answers for a batch of {count}")
    return answers
