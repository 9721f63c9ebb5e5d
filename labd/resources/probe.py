"""What this machine has: cores this process may use, memory, GPUs."""

import os
from collections.abc import Sequence
from pathlib import Path

import psutil

from labd.resources.ledger import MILLI, Capacity


def machine(
    cores: int | str = "auto", memory: int | str = "auto", gpus: Sequence[int] | str = "auto"
) -> Capacity:
    """The capacity to book from: each part as configured, or as the machine says with ``auto``."""
    return Capacity(
        cores=MILLI * (cores if isinstance(cores, int) else len(os.sched_getaffinity(0))),
        memory=memory if isinstance(memory, int) else int(psutil.virtual_memory().total),
        gpus=_gpus(gpus),
    )


def _gpus(wanted: Sequence[int] | str) -> tuple[int, ...]:
    if wanted == "auto":
        return nvidia_gpus()
    return () if isinstance(wanted, str) else tuple(wanted)


def nvidia_gpus(proc: Path = Path("/proc/driver/nvidia/gpus")) -> tuple[int, ...]:
    """Indices of the GPUs that the NVIDIA driver lists, without loading a library that could hang."""
    try:
        return tuple(range(len(list(proc.iterdir()))))
    except OSError:
        return ()
