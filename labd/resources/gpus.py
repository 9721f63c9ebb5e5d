"""Who holds what of which GPU, and which GPU somebody gets. Pure.

A GPU is held whole by one, or shared: the shares make one GPU at most, the memory no more than there is.
Whoever takes a part is put on the fullest GPU that has room, so that others stay free to be held whole.
"""

from collections.abc import Iterable
from typing import NamedTuple

from labd.resources.devices import Device
from labd.resources.request import MILLI, Request


class Part(NamedTuple):
    """A part of one GPU: thousandths, and bytes of its memory."""

    share: int
    memory: int


def part(request: Request, device: Device) -> Part:
    """What *request* takes of *device*."""
    if request.whole:
        return Part(MILLI, device.memory)
    return Part(request.share, request.vram or device.memory * request.share // MILLI)


class Gpus:
    """The GPUs of one machine."""

    def __init__(self, devices: Iterable[Device]) -> None:
        self.devices = {device.index: device for device in devices}
        self._held: dict[int, dict[str, Request]] = {}

    def claim(self, holder: str, request: Request, indices: Iterable[int]) -> None:
        """Book, fitting or not."""
        for index in indices:
            self._held.setdefault(index, {})[holder] = request

    def release(self, holder: str, indices: Iterable[int]) -> None:
        for index in indices:
            self._held.get(index, {}).pop(holder, None)

    @property
    def taken(self) -> list[int]:
        """The GPUs that somebody has a part of, also those that are not there any more."""
        return [index for index, holders in self._held.items() if holders]

    def holders(self, index: int) -> dict[str, Request]:
        """Who has a part of this GPU, and what they asked for."""
        return self._held.get(index, {})

    def used(self, index: int) -> Part:
        """What is taken of a GPU."""
        device = self.devices[index]
        parts = [part(request, device) for request in self.holders(index).values()]
        return Part(sum(p.share for p in parts), sum(p.memory for p in parts))

    def room(self, index: int) -> Part:
        """What is left of a GPU for whoever shares it."""
        if not self.devices[index].well or any(r.whole for r in self.holders(index).values()):
            return Part(0, 0)
        used = self.used(index)
        return Part(max(MILLI - used.share, 0), max(self.devices[index].memory - used.memory, 0))

    def fits(self, request: Request, index: int) -> bool:
        """Whether *request* would get (its part of) this GPU now."""
        device = self.devices.get(index)
        if device is None or not device.well:
            return False
        if request.whole:
            return not self.holders(index)
        if any(other.whole for other in self.holders(index).values()):
            return False
        asked, room = part(request, device), self.room(index)
        return asked.share <= room.share and asked.memory <= room.memory

    def fitting(self, request: Request) -> list[int]:
        """The GPUs that *request* would get a part of now, by its own wish those that it names."""
        among = request.gpu_ids if len(request.gpu_ids) >= request.gpu_count else self.devices
        return [index for index in among if self.fits(request, index)]

    def choose(self, request: Request) -> tuple[int, ...] | None:
        """Which GPUs *request* gets: those that it names, then the fullest; None when there are too few."""
        fitting = self.fitting(request)
        free = sorted((i for i in fitting if i not in request.gpu_ids), key=self._emptiness)
        chosen = (*request.gpu_ids, *free[: request.gpu_count - len(request.gpu_ids)])
        named = all(self.fits(request, index) for index in request.gpu_ids)
        return chosen if named and len(chosen) == request.gpu_count else None

    def _emptiness(self, index: int) -> tuple[float, int]:
        used, memory = self.used(index), self.devices[index].memory
        return -max(used.share / MILLI, used.memory / memory if memory else 0.0), index
