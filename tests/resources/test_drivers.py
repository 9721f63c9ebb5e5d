"""NVIDIA's library and the kernel's files are read right, and a program that hangs holds up nobody."""

import ctypes
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trio

from labd.resources import drivers, nvml, sysfs
from labd.resources.ask import Asker

LOST, MISMATCH = 15, 18


class FakeNvml:
    """As much of ``libnvidia-ml`` as is called; *broken* functions answer with a code."""

    def __init__(self, uuids: list[str], broken: dict[str, int] | None = None) -> None:
        self.uuids, self.broken, self.open = uuids, broken or {}, 0

    def __getattr__(self, name: str) -> Any:
        code = self.broken.get(name)
        return (lambda *arguments: code) if code else getattr(type(self), f"_{name}").__get__(self)

    def _nvmlInit_v2(self) -> int:
        self.open += 1
        return 0

    def _nvmlShutdown(self) -> int:
        self.open -= 1
        return 0

    def _nvmlDeviceGetCount_v2(self, count: Any) -> int:
        count._obj.value = len(self.uuids)
        return 0

    def _nvmlDeviceGetHandleByIndex_v2(self, number: Any, handle: Any) -> int:
        handle._obj.value = number.value + 1
        return 0 if self.uuids[number.value] else LOST

    def _nvmlDeviceGetUUID(self, handle: Any, buffer: Any, size: Any) -> int:
        buffer.value = self.uuids[handle.value - 1].encode()
        return 0

    def _nvmlDeviceGetName(self, handle: Any, buffer: Any, size: Any) -> int:
        buffer.value = b"NVIDIA H200"
        return 0

    def _nvmlDeviceGetMemoryInfo(self, handle: Any, memory: Any) -> int:
        memory._obj.total = 150 * 2**30
        return 0

    class _Say:
        restype = None

        def __call__(self, code: int) -> bytes:
            return {LOST: b"GPU is lost", MISMATCH: b"Driver/library version mismatch"}.get(code, b"")

    @property
    def nvmlErrorString(self) -> Any:
        return self._Say()


def test_every_gpu_of_the_library_is_listed():
    library = FakeNvml(["GPU-a", "GPU-b"])
    assert nvml.rows(lambda name: library) == [
        {"vendor": "nvidia", "number": n, "uuid": uuid, "name": "NVIDIA H200", "memory": 150 * 2**30}
        for n, uuid in enumerate(["GPU-a", "GPU-b"])
    ]
    assert library.open == 0, "it is closed again: an open one would keep the driver from a reset"


def test_a_gpu_that_is_lost_is_listed_with_its_trouble():
    library = FakeNvml(["GPU-a", ""])
    assert nvml.rows(lambda name: library)[1] == {
        "vendor": "nvidia",
        "number": 1,
        "trouble": "its driver says: GPU is lost",
    }


@pytest.mark.parametrize(
    ("function", "code", "said"),
    [
        ("nvmlInit_v2", MISMATCH, "Driver/library version mismatch"),
        ("nvmlDeviceGetCount_v2", 999, "nvmlDeviceGetCount_v2 failed with 999"),
    ],
)
def test_a_driver_that_does_not_work_says_so(function, code, said):
    with pytest.raises(nvml.NvmlError, match=said):
        nvml.rows(lambda name: FakeNvml(["GPU-a"], {function: code}))


def test_the_real_library_says_the_same():
    try:
        ctypes.CDLL(nvml.LIBRARY)
    except OSError:
        pytest.skip(f"needs an NVIDIA driver ({nvml.LIBRARY})")
    for row in nvml.rows():
        assert row["uuid"].startswith("GPU-")
        assert row["memory"] > 2**30
        assert row["name"]


# -- files of the kernel -----------------------------------------------------------------------------


def card(drm: Path, name: str, address: str, **files: str) -> None:
    device = drm.parent / "pci" / address
    device.mkdir(parents=True)
    (drm / name).mkdir(parents=True)
    (drm / name / "device").symlink_to(device)
    for file, text in files.items():
        (device / file).write_text(f"{text}\n")


def test_amds_gpus_are_found_in_files(tmp_path):
    drm = tmp_path / "drm"
    large = {"vendor": sysfs.AMD, "mem_info_vram_total": str(16 * 2**30)}
    card(drm, "card1", "0000:03:00.0", **large, product_name="Radeon Pro", unique_id="feed")
    card(drm, "card0", "0000:0b:00.0", **large)
    card(drm, "card2", "0000:00:02.0", vendor="0x8086")
    card(drm, "card3", "0000:04:00.0", vendor=sysfs.AMD, mem_info_vram_total=str(2**29))
    (drm / "card0-DP-1").mkdir()
    assert sysfs.amd_rows(drm) == [
        {"vendor": "amd", "number": 0, "uuid": "feed", "name": "Radeon Pro", "memory": 16 * 2**30},
        {"vendor": "amd", "number": 1, "uuid": "0000:0b:00.0", "name": "AMD GPU", "memory": 16 * 2**30},
    ]
    assert sysfs.amd_rows(tmp_path / "absent") == []


def test_nvidias_are_counted_and_named_without_its_library(tmp_path):
    for address, uuid in (("0000:02:00.0", "GPU-b"), ("0000:01:00.0", "GPU-????????")):
        (tmp_path / address).mkdir()
        (tmp_path / address / "information").write_text(f"Model: \t\t H200\nGPU UUID: \t {uuid}\n")
    assert [(row["uuid"], row["name"]) for row in sysfs.nvidia_rows(tmp_path)] == [
        ("0000:01:00.0", "H200"),
        ("GPU-b", "H200"),
    ]
    assert sysfs.nvidia_count(tmp_path) == 2
    assert sysfs.nvidia_count(tmp_path / "absent") == 0


def test_all_drivers_are_asked_and_one_that_fails_leaves_the_others(monkeypatch):
    def broken() -> list[dict[str, Any]]:
        raise nvml.NvmlError("Driver/library version mismatch")

    monkeypatch.setattr(sysfs, "amd_rows", lambda: [{"vendor": "amd"}])
    monkeypatch.setattr(sysfs, "nvidia_count", lambda: 1)
    monkeypatch.setattr(nvml, "rows", broken)
    error = {"vendor": "nvidia", "error": "its driver says: Driver/library version mismatch"}
    assert list(drivers.found()) == [{"vendor": "amd"}, error]


def test_the_program_prints_a_map_a_line():
    done = subprocess.run(drivers.COMMAND, capture_output=True, text=True, timeout=60, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(row["vendor"] in ("nvidia", "amd") for row in rows)
    assert bool(rows) == drivers.present()


# -- asking ------------------------------------------------------------------------------------------


async def said(asker: Asker, text: str, timeout: float = 60) -> tuple[list[str], str]:
    answer = await asker.ask(["/bin/sh", "-c", text], timeout)
    return [row.name for row in answer.rows], answer.problem


async def test_what_a_program_says_is_the_answer():
    one = """echo '{"name": "a"}'"""
    asker = Asker()
    assert await said(asker, one) == (["a"], "")
    assert await said(asker, f"{one}; exit 3") == (["a"], "the probe of GPUs ended with exit code 3")
    assert await said(asker, "kill -9 $$") == ([], "the probe of GPUs ended with signal 9")
    missing = await asker.ask(["/no/such/program"], 60)
    assert missing.problem == "/no/such/program cannot be run: No such file or directory"


async def test_a_program_that_hangs_is_ended_and_what_it_said_counts():
    text = """echo '{"name": "a"}'; printf '{"na'; sleep 600 & wait"""
    assert await said(Asker(), text, 0.5) == (["a"], "its driver did not answer in 0.5 s")


class Unkillable:
    """What the kernel does not let go."""

    returncode = None

    def poll(self) -> None:
        return None


async def test_a_program_that_cannot_be_ended_is_not_waited_for():
    asker = Asker()
    asker._stuck = Unkillable()
    with trio.fail_after(5):
        assert await said(asker, "echo") == ([], "its driver still holds the process that asked it before")
