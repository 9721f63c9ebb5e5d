"""The class that people subclass for their models."""

from __future__ import annotations

import threading
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import Any


class WKRHardWorker:
    """One model in one process: override ``get_env``, ``get_model`` and ``predict``."""

    def __init__(
        self,
        id: int,
        args: Namespace,
        worker_address_list: Sequence[str] = (),
        sink_address: str = "",
        device_id: int = -1,
        name: str = "WORKER",
        color: str = "blue",
    ) -> None:
        self.worker_id, self.device_id, self.name, self.color = id, device_id, name, color
        self.batch_size = args.batch_size
        self.batch_group_timeout = args.batch_group_timeout
        self.gpu_memory_fraction = args.gpu_memory_fraction
        self.model_dir, self.model_name = args.model_dir, args.model_name
        self.tmp_folder = args.tmp_dir
        self.logdir, self.verbose = args.log_dir, args.verbose
        self.transfer_proto = "numpy" if args.protocol == "npy" else args.protocol
        self.exit_flag, self.is_ready = threading.Event(), threading.Event()

    def get_env(self, device_id: int, tmp_dir: str) -> Any:
        """Import here; what is returned is given on as *envs*."""
        return []

    def get_preprocess(self, envs: Any) -> Callable[[Any], Any]:
        """A function that every batch goes through before ``predict``."""
        return lambda batch: batch

    def get_postprocess(self, envs: Any) -> Callable[[Any], Any]:
        """A function that every output goes through before it is sent."""
        return lambda output: output

    def get_model(self, envs: Any, model_dir: str, model_name: str | None, tmp_dir: str) -> Any:
        """Load the model; what is returned is given to ``predict``."""
        return []

    def predict(self, model: Any, input: Any) -> Any:
        """The answers for a batch of 1 to ``batch_size`` items, as many as they are."""
        return input

    def batching(self, list_input: list[Any]) -> Any:
        """One batch of the items: a list, or with the protocol ``numpy`` an array with a new first axis."""
        if self.transfer_proto != "numpy":
            return list_input
        import numpy

        return numpy.stack(list_input)

    def new_logger(self) -> Any:
        """A logger with ``info``, ``debug``, ``warning`` and ``error``; errors have a file of their own."""
        from labd_wkr.logs import LoggerSeperate

        return LoggerSeperate(f"{self.name}-{self.worker_id}", self.color, self.logdir, self.verbose)

    def record_statistic(self, values: Mapping[str, Any]) -> None:
        """Have *values* counted among the statistics of the server."""
        from labd import worker

        worker.notify("record", values={str(name): float(value) for name, value in values.items()})
