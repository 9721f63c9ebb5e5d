"""Who holds which core, byte and GPU: one pure ledger under every kind of work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from labd.resources import lack
from labd.resources.devices import Device, Health, unknown
from labd.resources.gpus import Gpus, part
from labd.resources.request import MILLI, Request
from labd.units import about_bytes as size

__all__ = ["MILLI", "Capacity", "Lease", "Ledger", "Request", "Statistics"]


class Capacity(msgspec.Struct, frozen=True):
    """What the machine has to give: milli-cores, bytes of memory, GPUs by index.

    ``devices`` says what is known of the GPUs; nothing need be.
    """

    cores: int
    memory: int
    gpus: tuple[int, ...] = ()
    devices: tuple[Device, ...] = ()

    @property
    def known(self) -> tuple[Device, ...]:
        """A device for every index."""
        known = {device.index: device for device in self.devices}
        return tuple(known.get(index) or unknown(index) for index in self.gpus)


class Lease(msgspec.Struct, frozen=True):
    """What *holder* was granted, until it is released."""

    holder: str
    request: Request
    gpu_ids: tuple[int, ...] = ()


class Holding(msgspec.Struct, frozen=True):
    """What one holder has of a GPU: a part from 0 to 1, and bytes of its memory."""

    holder: str
    share: float
    memory: int


class GpuStatistics(msgspec.Struct, frozen=True):
    """A moment of one GPU, for people."""

    index: int
    vendor: str
    name: str
    uuid: str
    memory: int
    health: Health
    why: str
    held: tuple[Holding, ...]


class Statistics(msgspec.Struct, frozen=True):
    """A moment of the ledger, for people."""

    cores: float
    cores_held: float
    memory: int
    memory_held: int
    gpus: tuple[int, ...]
    gpus_held: dict[str, str]
    leases: int
    devices: tuple[GpuStatistics, ...] = ()


class Ledger:
    """Grants and takes back; never grants what is not there."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self.on_release: Callable[[], None] = lambda: None
        self._leases: dict[str, Lease] = {}
        self._cores = 0
        self._memory = 0
        self._gpus = Gpus(capacity.known)

    @property
    def capacity(self) -> Capacity:
        """What there is. It may change under the leases: they stay as they are."""
        return self._capacity

    @capacity.setter
    def capacity(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._gpus.devices = {device.index: device for device in capacity.known}

    @property
    def leases(self) -> tuple[Lease, ...]:
        return tuple(self._leases.values())

    def holds(self, holder: str) -> bool:
        return holder in self._leases

    def impossible(self, request: Request) -> str:
        """Why this machine could never grant *request*, or an empty string."""
        has = self.capacity
        if request.cores > has.cores:
            return f"{_cores(request.cores)} asked, this machine has {has.cores / MILLI:g}"
        if request.memory > has.memory:
            return f"{size(request.memory)} of memory asked, this machine has {size(has.memory)}"
        return lack.impossible(self._gpus, request)

    def missing(self, request: Request) -> str:
        """What *request* lacks right now, or an empty string when it would be granted."""
        free_cores = self.capacity.cores - self._cores
        if request.cores > free_cores:
            return f"{_cores(request.cores)} ({max(free_cores, 0) / MILLI:g} free)"
        free_memory = self.capacity.memory - self._memory
        if request.memory > free_memory:
            return f"{size(request.memory)} of memory ({size(max(free_memory, 0))} free)"
        return lack.missing(self._gpus, request)

    def hopeless(self, request: Request) -> bool:
        """Whether *request* would lack something even if everybody ended: part of the machine is away."""
        return bool(self.replaying([]).missing(request))

    def take_nowait(self, holder: str, request: Request) -> Lease | None:
        """Grant *request* to *holder*, or None when something is missing.

        Raises ValueError when *holder* holds a lease already: a holder asks once.
        """
        lease = self.offer(holder, request)
        return lease and self.claim(holder, request, lease.gpu_ids)

    def offer(self, holder: str, request: Request) -> Lease | None:
        """The lease that :meth:`take_nowait` would grant now; nothing is booked."""
        if holder in self._leases:
            raise ValueError(f"{holder} holds a lease already")
        if self.missing(request):
            return None
        return Lease(holder, request, self._gpus.choose(request) or ())

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Within it nobody hears of releases: the books are being written anew."""
        told, self.on_release = self.on_release, lambda: None
        try:
            yield
        finally:
            self.on_release = told
            self.on_release()

    def claim(self, holder: str, request: Request, gpu_ids: tuple[int, ...]) -> Lease:
        """Book what *holder* has in fact, fitting or not: it was found running after a restart."""
        lease = Lease(holder, request, gpu_ids)
        self._leases[holder] = lease
        self._cores += request.cores
        self._memory += request.memory
        self._gpus.claim(holder, request, gpu_ids)
        return lease

    def release(self, holder: str) -> None:
        """Take back what *holder* has; nothing happens when it has nothing."""
        lease = self._leases.pop(holder, None)
        if lease is None:
            return
        self._cores -= lease.request.cores
        self._memory -= lease.request.memory
        self._gpus.release(holder, lease.gpu_ids)
        self.on_release()

    def replaying(self, leases: "list[Lease]") -> "Ledger":
        """A ledger of the same machine that holds only *leases*, to think with."""
        other = Ledger(self.capacity)
        for lease in leases:
            other.claim(lease.holder, lease.request, lease.gpu_ids)
        return other

    def statistics(self) -> Statistics:
        return Statistics(
            cores=self.capacity.cores / MILLI,
            cores_held=self._cores / MILLI,
            memory=self.capacity.memory,
            memory_held=self._memory,
            gpus=self.capacity.gpus,
            gpus_held={str(i): ", ".join(self._gpus.holders(i)) for i in self._gpus.taken},
            leases=len(self._leases),
            devices=tuple(map(self._gpu, self._gpus.devices.values())),
        )

    def _gpu(self, device: Device) -> GpuStatistics:
        parts = {name: part(r, device) for name, r in self._gpus.holders(device.index).items()}
        return GpuStatistics(
            index=device.index,
            vendor=device.vendor,
            name=device.name,
            uuid=device.uuid,
            memory=device.memory,
            health=device.health,
            why=device.why,
            held=tuple(Holding(name, p.share / MILLI, p.memory) for name, p in parts.items()),
        )


def _cores(milli: int) -> str:
    return "1 core" if milli == MILLI else f"{milli / MILLI:g} cores"
