"""What a loader is told of the model that it loads. Standard library only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Context:
    """A model to load.

    ``name``, ``version``, ``target`` (``module:Class``), ``arguments``, ``device`` (the index of the GPU that
    the machine has, -1 for none; CUDA sees it as 0), ``devices`` (all), ``memory_fraction`` (of that GPU's),
    ``batch_size`` and ``worker`` (a number from 0).
    """

    def __init__(
        self,
        name: str,
        version: str,
        target: str,
        arguments: dict[str, Any],
        devices: list[int],
        memory_fraction: float,
        batch_size: int,
        worker: int,
    ) -> None:
        self.name, self.version, self.target, self.arguments = name, version, target, arguments
        self.devices, self.memory_fraction = devices, memory_fraction
        self.batch_size, self.worker = batch_size, worker

    @property
    def device(self) -> int:
        return self.devices[0] if self.devices else -1
