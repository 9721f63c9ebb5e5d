"""A machine that is not there: its cores, its memory, and GPUs that fail when a test says so."""

from collections.abc import Callable, Iterable

import msgspec

from labd.resources.devices import Device, Health
from labd.resources.ledger import MILLI, Capacity

GIB = 1 << 30

Told = Callable[[str, Device], None]
"""``told(kind, device)``: ``gpu.gone``, ``gpu.unhealthy`` or ``gpu.back``."""


class Devices:
    """*gpus* GPUs with *gpu_memory* bytes each, *cores*, and *memory* bytes."""

    def __init__(
        self, gpus: int = 2, gpu_memory: int = 24 * GIB, *, cores: float = 8, memory: int = 64 * GIB
    ) -> None:
        self.cores = cores
        self.memory = memory
        self.told: Told = lambda kind, device: None
        self._gpus = {index: _new(index, gpu_memory) for index in range(gpus)}

    @property
    def capacity(self) -> Capacity:
        """What there is to give, as the ledger counts it."""
        return Capacity(round(self.cores * MILLI), self.memory, tuple(self._gpus), tuple(self.gpus))

    @property
    def gpus(self) -> Iterable[Device]:
        """The GPUs, well or not."""
        return self._gpus.values()

    def lose(self, index: int) -> None:
        """Let a GPU fall off the bus. Whoever holds it keeps it. Raises KeyError for an unknown one."""
        self._become(index, "gone", "its driver does not list it any more", "gpu.gone")

    def spoil(self, index: int, why: str = "uncorrectable memory errors") -> None:
        """Let the driver call a GPU unhealthy. Raises KeyError for an unknown one."""
        self._become(index, "unhealthy", why, "gpu.unhealthy")

    def mend(self, index: int) -> None:
        """Make a GPU well again. Raises KeyError for an unknown one."""
        self._become(index, "ok", "", "gpu.back")

    def _become(self, index: int, health: Health, why: str, kind: str) -> None:
        self._gpus[index] = msgspec.structs.replace(self._gpus[index], health=health, why=why)
        self.told(kind, self._gpus[index])


def _new(index: int, memory: int) -> Device:
    return Device(index, index, "fake", f"GPU-fake-{index}", "Fake GPU", memory)
