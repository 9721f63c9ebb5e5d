"""What a request for GPUs lacks, in words. Pure."""

from collections.abc import Iterable

from labd.resources.gpus import Gpus
from labd.resources.request import MILLI, Request
from labd.units import about_bytes as size


def impossible(gpus: Gpus, request: Request) -> str:
    """Why these GPUs could never do for *request*, whoever ends; empty when they could."""
    known = tuple(gpus.devices)
    if unknown := [index for index in request.gpu_ids if index not in known]:
        return f"GPU {unknown[0]} asked, this machine has {listed(known)}"
    if request.gpu_count > len(known):
        return f"{_asked(request)} asked, this machine has {listed(known)}"
    return _too_small(gpus, request) if request.vram else ""


def _too_small(gpus: Gpus, request: Request) -> str:
    named = [gpus.devices[index] for index in request.gpu_ids]
    rest = [device for index, device in gpus.devices.items() if index not in request.gpu_ids]
    among = named + (rest if request.gpu_count > len(named) else [])
    large = [d for d in among if d.memory >= request.vram or (not d.memory and not d.well)]
    if len(large) >= request.gpu_count and all(device in large for device in named):
        return ""
    most = max(device.memory for device in among)
    has = f"has {size(most)} at most" if most else "does not tell its size (resources.gpu_memory can)"
    return f"{_asked(request)} asked, {'the GPU' if len(among) == 1 else 'a GPU'} here {has}"


def missing(gpus: Gpus, request: Request) -> str:
    """What *request* lacks right now, or an empty string."""
    if gpus.choose(request) is not None:
        return ""
    for index in request.gpu_ids:
        if not gpus.fits(request, index):
            return _one(gpus, request, index)
    if request.whole or request.gpu_count > 1:
        free = f"{len(gpus.fitting(request))} free"
    else:
        free = _room(gpus, request, gpus.devices)
    return f"{_asked(request)} ({', '.join([free, *_unwell(gpus)])})"


def _one(gpus: Gpus, request: Request, index: int) -> str:
    """What the GPU that is named lacks."""
    device = gpus.devices.get(index)
    if device is None:
        return f"GPU {index} (not on this machine any more)"
    if not device.well:
        return f"GPU {index} ({device.health}: {device.why})"
    holders = gpus.holders(index)
    if request.whole or any(other.whole for other in holders.values()):
        return f"GPU {index} (held by {', '.join(holders)})"
    return f"{_asked(request)} on GPU {index} ({_room(gpus, request, [index])})"


def _room(gpus: Gpus, request: Request, among: Iterable[int]) -> str:
    """How much is left of what is scarce."""
    rooms = [gpus.room(index) for index in among]
    where = " on the emptiest" if len(rooms) > 1 else ""
    most = max((room.share for room in rooms), default=0)
    if request.share > most:
        return f"{most / MILLI:g} free{where}"
    memory = max((room.memory for room in rooms), default=0)
    if request.vram > memory:
        return f"{size(memory)} free{where}"
    if request.share and request.vram:
        return "no GPU has both free"
    return f"{size(memory)} of memory free{where}"


def _unwell(gpus: Gpus) -> list[str]:
    return [f"GPU {device.index} {device.health}" for device in gpus.devices.values() if not device.well]


def _asked(request: Request) -> str:
    """``2 GPUs``, ``0.25 of a GPU``, ``8 GiB of GPU memory``, ``8 GiB of memory on each of 2 GPUs``."""
    memory = size(request.vram)
    if request.share:
        return f"{request.share / MILLI:g} of a GPU" + (f" with {memory} of memory" if request.vram else "")
    if request.vram:
        count = request.gpu_count
        return f"{memory} of GPU memory" if count == 1 else f"{memory} of memory on each of {count} GPUs"
    return "1 GPU" if request.gpu_count == 1 else f"{request.gpu_count} GPUs"


def listed(indices: tuple[int, ...]) -> str:
    """``GPUs 0, 1``."""
    if not indices:
        return "no GPU"
    return f"GPU{'s' if len(indices) > 1 else ''} {', '.join(map(str, indices))}"
