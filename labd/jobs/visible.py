"""Which GPUs a job sees: the variables that CUDA, ROCm and frameworks read. Pure."""

from collections.abc import Mapping, Sequence

from labd.resources.devices import Device, unknown
from labd.resources.gpus import part
from labd.resources.ledger import MILLI, Request

TENSORFLOW = "TF_FORCE_GPU_ALLOW_GROWTH"
JAX = ("XLA_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_MEM_FRACTION")
"""The new name and the old one. JAX refuses both at once, and all releases know the old one."""

JAX_PART = 0.9
"""How much of its share JAX takes for itself at once: a context of CUDA needs some memory besides."""


def gpu_names(
    request: Request, indices: Sequence[int], machine: Sequence[Device], own: Mapping[str, str]
) -> dict[str, str]:
    """The variables for a job that has the GPUs *indices* of *machine*; *own* is its own environment.

    A job without a GPU sees none. A machine without GPUs sets nothing.
    """
    if not machine and not indices:
        return {}
    known = {device.index: device for device in machine}
    given = [known.get(index) or unknown(index) for index in indices]
    return _visible(given, machine) | _share(request, given, own)


def _visible(given: Sequence[Device], machine: Sequence[Device]) -> dict[str, str]:
    amd = [device for device in given if device.vendor == "amd"]
    other = [device for device in given if device.vendor != "amd"]
    radeon = _rocm(amd) if any(device.vendor == "amd" for device in (*machine, *given)) else {}
    if radeon and all(device.vendor == "amd" for device in (*machine, *given)):
        return radeon | {"CUDA_VISIBLE_DEVICES": radeon["HIP_VISIBLE_DEVICES"]}  # HIP reads this one too
    return radeon | _cuda(other)


def _cuda(given: Sequence[Device]) -> dict[str, str]:
    numbers = ",".join(str(device.number) for device in given)
    return {
        "CUDA_VISIBLE_DEVICES": numbers,
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "NVIDIA_VISIBLE_DEVICES": numbers or "void",
    }


def _rocm(given: Sequence[Device]) -> dict[str, str]:
    """HIP counts what ROCr left it, from 0."""
    return {
        "ROCR_VISIBLE_DEVICES": ",".join(str(device.number) for device in given),
        "HIP_VISIBLE_DEVICES": ",".join(map(str, range(len(given)))),
    }


def _share(request: Request, given: Sequence[Device], own: Mapping[str, str]) -> dict[str, str]:
    """What a job with a part of a GPU is told, lest it take all of the memory."""
    if request.whole or not given:
        return {}
    memory = min(part(request, device).memory for device in given)
    told = {"LABD_GPU_FRACTION": f"{request.share / MILLI:g}"} if request.share else {}
    told |= {"LABD_VRAM": str(memory)} if memory else {}
    if TENSORFLOW not in own:
        told[TENSORFLOW] = "true"
    if not any(name in own for name in JAX):
        told[JAX[1]] = f"{max(min(_memory(request, d) for d in given) * JAX_PART, 0.001):.3f}"
    return told


def _memory(request: Request, device: Device) -> float:
    """The part of the memory of *device*, from 0 to 1."""
    taken = part(request, device)
    return taken.memory / device.memory if device.memory else taken.share / MILLI
