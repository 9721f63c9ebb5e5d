"""GPUs of a real daemon: shared, refused, and gone while somebody holds one.

A program stands in for the drivers; it says what a file says, so that no machine needs a GPU.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labd.errors import Refused
from tests.daemon_process import PATIENCE, DaemonProcess
from tests.support import wait_until

pytestmark = pytest.mark.real

GIB = 2**30


class Machine:
    """A daemon on a machine whose GPUs come and go."""

    def __init__(self, daemon: DaemonProcess, gpus: int = 2) -> None:
        self.daemon, self.list = daemon, Path(daemon.folder, "gpus")
        self.has(*range(gpus))
        program = Path(daemon.folder, "list-gpus")
        program.write_text(f"#!/bin/sh\ncat {self.list}\n[ ! -e {self.list}.hangs ] || exec sleep 600\n")
        program.chmod(0o755)
        options = {"gpu_probe": str(program), "gpu_probe_interval": "1s", "gpu_probe_timeout": "1s"}
        daemon.options += [f"resources.{name}={value}" for name, value in options.items()]
        daemon.start()

    def has(self, *numbers: int) -> None:
        """From now on the drivers list these."""
        rows = [{"uuid": f"GPU-{n}", "name": "Fake 24", "memory": 24 * GIB} for n in numbers]
        fresh = self.list.with_suffix(".new")
        fresh.write_text("".join(json.dumps(row) + "\n" for row in rows))
        fresh.replace(self.list)

    def hangs(self, hangs: bool) -> None:
        """Whether the drivers answer at all, once they have said what there is."""
        mark = Path(f"{self.list}.hangs")
        mark.touch() if hangs else mark.unlink()

    def health(self) -> list[str]:
        devices = self.daemon.call("daemon.status")["resources"]["devices"]
        return [device["health"] for device in devices]

    def until(self, *health: str) -> None:
        wait_until(lambda: self.health() == list(health), PATIENCE)

    def running(self, **asked: Any) -> dict[str, Any]:
        """A job that holds what it asked for, and does not end."""
        job = self.daemon.submit("sleep", "600", cpus=0.1, **asked)
        return self.daemon.until_state(job, "running")


@pytest.fixture
def machine(make_daemon: Callable[..., DaemonProcess]) -> Machine:
    return Machine(make_daemon())


def test_parts_are_packed_and_a_whole_gpu_stays_free(machine: Machine) -> None:
    parts = [machine.running(gpus=0.25)["gpu_ids"] for _ in range(3)]
    assert parts == [[0]] * 3
    assert machine.running(vram=6 * GIB)["gpu_ids"] == [0]
    assert machine.running(gpus=1)["gpu_ids"] == [1]
    waiting = machine.daemon.submit("true", gpus=0.25, cpus=0.1)
    assert (
        machine.daemon.job(waiting)["waiting_for"] == "0.25 of a GPU (0 bytes of memory free on the emptiest)"
    )
    said = machine.daemon.labctl("status").stdout.splitlines()[0]
    assert said.endswith("GPUs 2/2   VRAM 48G/48G")


def test_what_no_gpu_has_is_refused_at_submit(machine: Machine) -> None:
    with pytest.raises(Refused, match="25 GiB of GPU memory asked, a GPU here has 24 GiB at most"):
        machine.daemon.submit("true", vram=25 * GIB)
    refused = machine.daemon.labctl("submit", "--gpus", "3", "--vram", "1G", "true")
    assert refused.returncode == 7
    assert "1 GiB of memory on each of 3 GPUs asked, this machine has GPUs 0, 1" in refused.stderr


def test_a_job_is_told_its_share(machine: Machine) -> None:
    names = "CUDA_VISIBLE_DEVICES LABD_GPU_FRACTION LABD_VRAM TF_FORCE_GPU_ALLOW_GROWTH"
    done = machine.daemon.labctl(
        "submit", "--gpus", "0.25", "--gpu-ids", "1", "--env", "TF_FORCE_GPU_ALLOW_GROWTH=no", "-f",
        "sh", "-c", f"for n in {names}; do printenv $n; done",
    )  # fmt: skip
    assert done.stdout.split() == ["1", "0.25", str(6 * GIB), "no"]


def test_a_gpu_that_vanishes_while_it_is_held(machine: Machine) -> None:
    held = machine.running(gpu_ids=[0])["id"]
    machine.has(1)
    machine.until("gone", "ok")
    event = machine.daemon.until_event("gpu.gone")
    assert (event["data"]["gpu"], event["data"]["held_by"]) == (0, f"job {held}")
    job = machine.daemon.job(held)
    assert (job["state"], job["gpu_ids"]) == ("running", [0])
    warning = "GPU 0 is gone: its driver does not list it any more; the job keeps it"
    assert job["warning"] == warning
    assert warning in machine.daemon.labctl("show", str(held)).stdout
    assert "GPU 0 is gone" in machine.daemon.labctl("why", str(held)).stdout
    assert "! GPU 0 is gone" in machine.daemon.labctl("status").stdout
    doctor = machine.daemon.labctl("doctor")
    assert (doctor.returncode, "fail  gpu 0: gone" in doctor.stdout) == (1, True)
    assert machine.running(gpus=1)["gpu_ids"] == [1], "it has the index that it had"
    whole = machine.daemon.submit("true", gpus=1)
    assert machine.daemon.job(whole)["waiting_for"] == "1 GPU (0 free, GPU 0 gone)"
    machine.daemon.ended(machine.daemon.submit("true"))  # whoever wants no GPU is not held up
    machine.daemon.call("job.cancel", {"job": held})
    machine.has(0, 1)
    machine.daemon.until_event("gpu.back")
    assert machine.daemon.ended(whole)[0]["state"] == "succeeded"


def test_a_held_gpu_that_vanishes_is_booked_by_its_index_after_a_restart(machine: Machine) -> None:
    held = [machine.running(gpus=share)["gpu_ids"] for share in (0.5, 0.7)]
    assert held == [[0], [1]]
    machine.has(1)  # its driver now counts it as the first
    machine.daemon.restart()
    assert machine.health() == ["ok"]
    devices = machine.daemon.call("daemon.status")["resources"]["devices"]
    assert [(d["index"], d["uuid"], [h["share"] for h in d["held"]]) for d in devices] == [
        (1, "GPU-1", [0.7])
    ]
    job = machine.daemon.shell("echo $CUDA_VISIBLE_DEVICES", gpus=0.3)
    assert machine.daemon.ended(job)[0]["gpu_ids"] == [1]
    assert machine.daemon.labctl("logs", str(job)).stdout == "0\n"


def test_a_driver_that_hangs_holds_up_nobody(machine: Machine) -> None:
    machine.has()
    machine.hangs(True)
    machine.until("unhealthy", "unhealthy")
    assert machine.daemon.until_event("gpu.unhealthy")["cause"] == "its driver did not answer in 1 s"
    assert machine.daemon.ended(machine.daemon.submit("true"))[0]["state"] == "succeeded"
    machine.has(0, 1)
    machine.until("ok", "ok")
    assert len(machine.daemon.events("gpu.back")) == 2
    machine.daemon.kill(15)


def test_a_reload_changes_which_gpus_are_handed_out(machine: Machine) -> None:
    held = machine.running(gpus=0.5)["id"]
    machine.daemon.config.write_text("[resources]\ngpus = [1, 4]\ngpu_memory = '8G'\n")
    machine.daemon.call("daemon.reload")
    resources = machine.daemon.call("daemon.status")["resources"]
    assert resources["gpus"] == [1, 4]
    assert [device["memory"] for device in resources["devices"]] == [24 * GIB, 8 * GIB]
    assert machine.daemon.job(held)["warning"].startswith("GPU 0 is not on this machine any more")
    machine.daemon.config.write_text("")
    machine.daemon.call("daemon.reload")
    assert machine.daemon.call("daemon.status")["resources"]["gpus_held"] == {"0": f"job {held}"}
