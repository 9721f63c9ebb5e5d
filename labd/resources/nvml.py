"""NVIDIA's GPUs, as its driver tells of them through ``libnvidia-ml``. Standard library only.

This is called in a process of its own (:mod:`labd.resources.drivers`): a driver in trouble can hold its
caller for ever, and not even SIGKILL ends that.
"""

import ctypes
from collections.abc import Callable
from typing import Any

LIBRARY = "libnvidia-ml.so.1"
TEXT = 96
"""Bytes for a name or a UUID: what NVIDIA's header calls the long size."""


class NvmlError(Exception):
    """What the library answered instead, in its own words."""


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def rows(load: Callable[[str], Any] = ctypes.CDLL) -> list[dict[str, Any]]:
    """One map a GPU, in the order of their PCI addresses.

    One that the driver lists but cannot speak to has ``trouble``. Raises OSError when there is no such
    library, NvmlError when the driver does not work.
    """
    library = load(LIBRARY)
    _call(library, "nvmlInit_v2")
    try:
        count = ctypes.c_uint()
        _call(library, "nvmlDeviceGetCount_v2", ctypes.byref(count))
        return [_row(library, number) for number in range(count.value)]
    finally:
        library.nvmlShutdown()


def _row(library: Any, number: int) -> dict[str, Any]:
    found: dict[str, Any] = {"vendor": "nvidia", "number": number}
    try:
        device = ctypes.c_void_p()
        _call(library, "nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(number), ctypes.byref(device))
        found["uuid"] = _text(library, "nvmlDeviceGetUUID", device)
        found["name"] = _text(library, "nvmlDeviceGetName", device)
        memory = _Memory()
        _call(library, "nvmlDeviceGetMemoryInfo", device, ctypes.byref(memory))
        found["memory"] = memory.total
    except NvmlError as error:
        found["trouble"] = f"its driver says: {error}"
    return found


def _text(library: Any, function: str, device: ctypes.c_void_p) -> str:
    buffer = ctypes.create_string_buffer(TEXT)
    _call(library, function, device, buffer, ctypes.c_uint(TEXT))
    return buffer.value.decode("utf-8", "replace")


def _call(library: Any, function: str, *arguments: Any) -> None:
    code = getattr(library, function)(*arguments)
    if code:
        say = library.nvmlErrorString
        say.restype = ctypes.c_char_p
        raise NvmlError((say(code) or b"").decode("utf-8", "replace") or f"{function} failed with {code}")
