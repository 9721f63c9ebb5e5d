"""What somebody asks for of the machine. Pure.

Cores and parts of a GPU are counted in thousandths, so that a half is exact.
"""

import msgspec

MILLI = 1000


class Request(msgspec.Struct, frozen=True):
    """Milli-cores, bytes, and GPUs by count or by index.

    They are held whole, unless ``share`` (thousandths of one GPU) or ``vram`` (bytes of each) asks for a
    part. A share without ``vram`` has as large a part of the memory.
    """

    cores: int = 0
    memory: int = 0
    gpus: int = 0
    gpu_ids: tuple[int, ...] = ()
    share: int = 0
    vram: int = 0

    @property
    def whole(self) -> bool:
        """Whether its GPUs are for it alone."""
        return not self.share and not self.vram

    @property
    def gpu_count(self) -> int:
        """How many GPUs it is on."""
        return max(self.gpus, len(self.gpu_ids), 0 if self.whole else 1)

    @property
    def gpu_milli(self) -> int:
        """What it counts for in quotas and fair shares; a part by memory alone counts as the GPU."""
        return self.share or self.gpu_count * MILLI
