"""GPUs as the kernel lists them in files, without a library. Standard library only.

Reading may hold its caller when a driver is in trouble; to list and to read ids does not.
"""

import os
import re
from pathlib import Path
from typing import Any

AMD = "0x1002"
DRM, NVIDIA = Path("/sys/class/drm"), Path("/proc/driver/nvidia/gpus")
LEAST = 4 * 2**30
"""Bytes: what has less is the small GPU that comes with a processor, and nobody's to compute on."""

_CARD = re.compile(r"card[0-9]+")


def amd_cards(drm: Path = DRM) -> list[Path]:
    """The folders of AMD's GPUs, in the order of their PCI addresses."""
    folders = [card / "device" for card in _inside(drm) if _CARD.fullmatch(card.name)]
    return sorted((f for f in folders if _said(f / "vendor") == AMD and _large(f)), key=_address)


def _large(folder: Path) -> bool:
    memory = _said(folder / "mem_info_vram_total")
    return memory.isdecimal() and int(memory) >= LEAST


def amd_rows(drm: Path = DRM) -> list[dict[str, Any]]:
    """One map a GPU of AMD's."""
    return [_amd(number, folder) for number, folder in enumerate(amd_cards(drm))]


def _amd(number: int, folder: Path) -> dict[str, Any]:
    return {
        "vendor": "amd", "number": number, "uuid": _said(folder / "unique_id") or _address(folder),
        "name": _said(folder / "product_name") or "AMD GPU",
        "memory": int(_said(folder / "mem_info_vram_total")),
    }  # fmt: skip


def nvidia_count(proc: Path = NVIDIA) -> int:
    """How many GPUs the NVIDIA driver lists."""
    return len(_inside(proc))


def nvidia_rows(proc: Path = NVIDIA) -> list[dict[str, Any]]:
    """One map a GPU that the NVIDIA driver lists: all that is known where its library is not installed."""
    return [_nvidia(number, folder) for number, folder in enumerate(_inside(proc))]


def _nvidia(number: int, folder: Path) -> dict[str, Any]:
    pairs = [line.partition(":") for line in _said(folder / "information").splitlines()]
    about = {name.strip(): value.strip() for name, _, value in pairs}
    uuid = about.get("GPU UUID", "")
    known = uuid if "?" not in uuid else ""  # question marks: the driver has not looked yet
    return {
        "vendor": "nvidia", "number": number, "uuid": known or folder.name, "name": about.get("Model", ""),
    }  # fmt: skip


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _address(folder: Path) -> str:
    return os.path.basename(os.path.realpath(folder))


def _said(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""
