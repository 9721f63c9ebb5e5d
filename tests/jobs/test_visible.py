"""A job sees its own GPUs, by the numbers of their driver, and is told of its share."""

import pytest

from labd.jobs.visible import gpu_names
from labd.resources.devices import Device
from labd.resources.ledger import Request

NVIDIA = tuple(Device(i, i, "nvidia", memory=1000) for i in (0, 1))
AMD = tuple(Device(i, i, "amd", memory=1000) for i in (0, 1))
ONE = Request(gpus=1)


def test_a_job_with_a_gpu_of_nvidias_sees_it_alone():
    assert gpu_names(ONE, (1,), NVIDIA, {}) == {
        "CUDA_VISIBLE_DEVICES": "1",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "NVIDIA_VISIBLE_DEVICES": "1",
    }


def test_a_job_without_sees_none_and_a_machine_without_says_nothing():
    assert gpu_names(Request(), (), NVIDIA, {}) == {
        "CUDA_VISIBLE_DEVICES": "",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "NVIDIA_VISIBLE_DEVICES": "void",
    }
    assert gpu_names(Request(), (), (), {}) == {}


def test_hip_counts_what_rocr_leaves_it():
    assert gpu_names(Request(gpus=1), (1,), AMD, {}) == {
        "ROCR_VISIBLE_DEVICES": "1",
        "HIP_VISIBLE_DEVICES": "0",
        "CUDA_VISIBLE_DEVICES": "0",
    }
    assert set(gpu_names(Request(), (), AMD, {}).values()) == {""}


def test_both_makers_are_counted_by_themselves():
    both = (*NVIDIA, Device(2, 0, "amd"))
    seen = gpu_names(Request(gpus=2), (1, 2), both, {})
    assert (seen["CUDA_VISIBLE_DEVICES"], seen["ROCR_VISIBLE_DEVICES"]) == ("1", "0")


def test_the_number_is_the_drivers_and_not_labds():
    moved = (Device(0, 0, "nvidia", health="gone"), Device(1, 0, "nvidia"))
    assert gpu_names(ONE, (1,), moved, {})["CUDA_VISIBLE_DEVICES"] == "0"


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (Request(share=250), {"LABD_GPU_FRACTION": "0.25", "LABD_VRAM": "250", "jax": "0.225"}),
        (Request(vram=500), {"LABD_VRAM": "500", "jax": "0.450"}),
        (Request(share=100, vram=500), {"LABD_GPU_FRACTION": "0.1", "LABD_VRAM": "500", "jax": "0.450"}),
        (ONE, {}),
    ],
)
def test_who_shares_a_gpu_is_told_how_much_it_has(request_, told):
    found = gpu_names(request_, (0,), NVIDIA, {})
    names = {name: name for name in ("LABD_GPU_FRACTION", "LABD_VRAM")}
    names["XLA_PYTHON_CLIENT_MEM_FRACTION"] = "jax"
    assert {names[name]: value for name, value in found.items() if name in names} == told
    assert found.get("TF_FORCE_GPU_ALLOW_GROWTH") == ("true" if told else None)


@pytest.mark.parametrize("name", ["XLA_PYTHON_CLIENT_MEM_FRACTION", "XLA_CLIENT_MEM_FRACTION"])
def test_what_the_user_says_to_a_framework_stands(name):
    found = gpu_names(Request(share=250), (0,), NVIDIA, {name: ".5", "TF_FORCE_GPU_ALLOW_GROWTH": "false"})
    assert not {name for name in found if name.startswith(("XLA", "TF"))}


def test_a_share_of_a_gpu_whose_memory_nobody_knows_is_that_share():
    found = gpu_names(Request(share=500), (0,), (Device(0, 0),), {})
    assert (found["XLA_PYTHON_CLIENT_MEM_FRACTION"], "LABD_VRAM" in found) == ("0.450", False)
