"""Who holds which core, byte and GPU: one pure ledger under every kind of work.

Cores are counted in thousandths, so that a half core is exact. A GPU is held whole.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from labd.units import about_bytes as size

MILLI = 1000


class Capacity(msgspec.Struct, frozen=True):
    """What the machine has to give: milli-cores, bytes of memory, GPU indices."""

    cores: int
    memory: int
    gpus: tuple[int, ...] = ()


class Request(msgspec.Struct, frozen=True):
    """What somebody asks for: milli-cores, bytes, GPUs by count or by index."""

    cores: int = 0
    memory: int = 0
    gpus: int = 0
    gpu_ids: tuple[int, ...] = ()

    @property
    def gpu_count(self) -> int:
        return max(self.gpus, len(self.gpu_ids))


class Lease(msgspec.Struct, frozen=True):
    """What *holder* was granted, until it is released."""

    holder: str
    request: Request
    gpu_ids: tuple[int, ...] = ()


class Statistics(msgspec.Struct, frozen=True):
    """A moment of the ledger, for people."""

    cores: float
    cores_held: float
    memory: int
    memory_held: int
    gpus: tuple[int, ...]
    gpus_held: dict[str, str]
    leases: int


class Ledger:
    """Grants and takes back; never grants what is not there."""

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self.on_release: Callable[[], None] = lambda: None
        self._leases: dict[str, Lease] = {}
        self._cores = 0
        self._memory = 0
        self._gpus: dict[int, str] = {}

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
        unknown = [i for i in request.gpu_ids if i not in has.gpus]
        if unknown:
            return f"GPU {unknown[0]} asked, this machine has {_gpu_list(has.gpus)}"
        if request.gpu_count > len(has.gpus):
            return f"{_gpus(request.gpu_count)} asked, this machine has {_gpu_list(has.gpus)}"
        return ""

    def missing(self, request: Request) -> str:
        """What *request* lacks right now, or an empty string when it would be granted."""
        free_cores = self.capacity.cores - self._cores
        if request.cores > free_cores:
            return f"{_cores(request.cores)} ({max(free_cores, 0) / MILLI:g} free)"
        free_memory = self.capacity.memory - self._memory
        if request.memory > free_memory:
            return f"{size(request.memory)} of memory ({size(max(free_memory, 0))} free)"
        absent = [i for i in request.gpu_ids if i not in self.capacity.gpus]
        if absent:
            return f"GPU {absent[0]} (not on this machine any more)"
        taken = [i for i in request.gpu_ids if i in self._gpus]
        if taken:
            return f"GPU {taken[0]} (held by {self._gpus[taken[0]]})"
        if request.gpu_count and len(self._free_gpus()) < request.gpu_count:
            return f"{_gpus(request.gpu_count)} ({len(self._free_gpus())} free)"
        return ""

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
        free = [i for i in self._free_gpus() if i not in request.gpu_ids]
        chosen = request.gpu_ids + tuple(free[: request.gpu_count - len(request.gpu_ids)])
        return Lease(holder, request, chosen)

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
        self._gpus.update(dict.fromkeys(gpu_ids, holder))
        return lease

    def release(self, holder: str) -> None:
        """Take back what *holder* has; nothing happens when it has nothing."""
        lease = self._leases.pop(holder, None)
        if lease is None:
            return
        self._cores -= lease.request.cores
        self._memory -= lease.request.memory
        for index in lease.gpu_ids:
            if self._gpus.get(index) == holder:
                del self._gpus[index]
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
            gpus_held={str(index): name for index, name in self._gpus.items()},
            leases=len(self._leases),
        )

    def _free_gpus(self) -> list[int]:
        return [i for i in self.capacity.gpus if i not in self._gpus]


def _cores(milli: int) -> str:
    return "1 core" if milli == MILLI else f"{milli / MILLI:g} cores"


def _gpus(count: int) -> str:
    return "1 GPU" if count == 1 else f"{count} GPUs"


def _gpu_list(gpus: tuple[int, ...]) -> str:
    if not gpus:
        return "no GPU"
    return f"GPU{'s' if len(gpus) > 1 else ''} {', '.join(map(str, gpus))}"
