"""Maps on a real Slurm of one node: its controller and labd die, and every result is there once."""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labd.client import Client, MapFailed
from labd.errors import NotFound, Refused
from tests.daemon_process import DaemonProcess
from tests.real.slurm import SBIN, Slurm, missing
from tests.support import wait_until

pytestmark = [pytest.mark.real, pytest.mark.skipif(bool(missing()), reason=f"needs {missing()}")]

SOURCE = Path(__file__).parents[2] / "plugins_contrib" / "labd-slurm" / "src"
CALLS = 300
LATE = 90.0
"""Seconds for what waits for Slurm."""

WORK = """
import os, sys, time

def note(x, file, pause=0.0):
    fd = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, b"%d %d\\n" % (x, os.getpid()))
    os.close(fd)
    time.sleep(pause)
    return x * 2

def hang(x):
    print("about to hang", flush=True)
    time.sleep(300)

def where(x):
    return [os.environ.get("SLURM_JOB_ID"), os.getcwd()]

def greedy(x):
    held = bytearray(x * 2**20)
    time.sleep(30 if x > 100 else 0)
    return len(held)

def odd(x):
    return 1 / x
"""


@pytest.fixture
def slurm() -> Iterator[Slurm]:
    """One for each test: a controller that was killed takes jobs that have ended for running, for minutes."""
    with Slurm() as made:
        yield made


@pytest.fixture
def labd(slurm: Slurm, make_daemon: Callable[..., DaemonProcess]) -> DaemonProcess:
    """A daemon with the plugin, which asks more often than it would otherwise."""
    slurm.resume()
    times = {"look_every": 0.1, "ask_every": 0.3, "lost_after": 2.0, "task_seconds": 0.3, "at_once": 12}
    chosen = [f"plugins.slurm.{name}={value}" for name, value in times.items()]
    made = make_daemon(f"plugins.slurm.config={slurm.config}", *chosen, cores=2)
    install(made)
    return made.start()


def install(daemon: DaemonProcess) -> None:
    """Have the plugin found, as an installer would; and a project with functions."""
    info = Path(daemon.folder, "site", "labd_slurm-0.1.0.dist-info")
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: labd-slurm\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[labd.plugins]\nslurm = labd_slurm.plugin\n")
    daemon.env |= {"PYTHONPATH": f"{info.parent}:{SOURCE}", "PATH": SBIN}
    Path(daemon.folder, "work").mkdir()
    Path(daemon.folder, "work", "slurmtasks.py").write_text(WORK)


def options(daemon: DaemonProcess, **more: object) -> dict[str, object]:
    return {
        "engine": "slurm",
        "cwd": f"{daemon.folder}/work",
        "path": [],
        "env": {"PATH": os.defpath},
        **more,
    }


def check(daemon: DaemonProcess, number: int, effects: Path) -> None:
    """Every result is there once, and whatever ran twice is marked."""
    path = Path(daemon.state, "plugins", "fanout", str(number), "results")
    results = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted(r["index"] for r in results) == list(range(CALLS))
    assert all(r["result"] == 2 * r["index"] for r in results)
    ran = Counter(int(line.split()[0]) for line in effects.read_text().splitlines())
    attempts = {r["index"]: r["attempt"] for r in results}
    assert set(ran) == set(range(CALLS))
    assert not {call: (count, attempts[call]) for call, count in ran.items() if count > attempts[call]}


def test_calls_are_made_in_slurm(slurm: Slurm, labd: DaemonProcess) -> None:
    with Client(labd.socket) as client:
        results = client.map("slurmtasks:where", range(3), **options(labd)).results()
        assert {folder for _, folder in results} == {f"{labd.folder}/work"}
        assert all(job for job, _ in results)
        odd = {r.index: r for r in client.map("slurmtasks:odd", range(2), **options(labd)).as_completed()}
        assert (odd[0].error["type"], odd[1].result) == ("ZeroDivisionError", 1.0)
        assert odd[1].worker


def test_the_controller_is_killed_in_the_middle(slurm: Slurm, labd: DaemonProcess) -> None:
    effects = Path(labd.folder, "effects")
    with Client(labd.socket) as client:
        kwargs = {"file": str(effects), "pause": 0.05}
        made = client.map("slurmtasks:note", range(CALLS), kwargs=kwargs, **options(labd))
        wait_until(lambda: made.info()["succeeded"] > 0.1 * CALLS, LATE)
        slurm.kill("slurmctld")
        wait_until(lambda: "Slurm does not answer" in made.info()["reason"], LATE)
        slurm.start("slurmctld")
        wait_until(lambda: slurm.resume() and made.info()["state"] != "running", LATE)
        assert made.results() == [2 * x for x in range(CALLS)]
    check(labd, made.id, effects)


def test_labd_is_killed_in_the_middle(slurm: Slurm, labd: DaemonProcess) -> None:
    effects = Path(labd.folder, "effects")
    with Client(labd.socket) as client:
        kwargs = {"file": str(effects), "pause": 0.02}
        made = client.map("slurmtasks:note", range(CALLS), kwargs=kwargs, **options(labd))
        for share in (0.0, 0.1, 0.5):
            wait_until(lambda share=share: made.info()["succeeded"] >= share * CALLS, LATE)
            labd.restart()
        assert made.results() == [2 * x for x in range(CALLS)]
        # what ran on was found again; what was just being handed over may have been made again, and is marked
        assert made.info()["repeated"] <= CALLS // 10
    check(labd, made.id, effects)


def test_scancel_is_said_on_the_calls_of_its_task(slurm: Slurm, labd: DaemonProcess) -> None:
    with Client(labd.socket) as client:
        made = client.map("slurmtasks:hang", range(10), **options(labd))
        wait_until(lambda: slurm.resume() and made.info()["workers"] == 8, LATE)  # two wait for a core
        running, waiting = slurm.jobs("RUNNING")[0], slurm.jobs("PENDING")[0]
        slurm.run("scancel", running, waiting)
        wait_until(lambda: made.info()["failed"] >= 2, LATE)
        printed = labd.labctl("map", "errors", str(made.id)).stdout.splitlines()
        errors = {line["error"]["message"]: line["error"]["type"] for line in map(json.loads, printed)}
        for job in (running, waiting):
            assert errors[f"Slurm's job {job} was cancelled in Slurm"] == "Cancelled"
        made.cancel()
        wait_until(lambda: not slurm.jobs("RUNNING", "PENDING", "COMPLETING"), LATE)


def test_limits_are_told_to_slurm_and_held(slurm: Slurm, labd: DaemonProcess) -> None:
    with Client(labd.socket) as client:
        with pytest.raises(Refused, match="configuration is not available"):
            client.map("slurmtasks:where", [1], **options(labd, memory=2**45))
        made = client.map("slurmtasks:greedy", [10, 300], **options(labd, memory=64 * 2**20, cpus=2))
        results = {r.index: r for r in made.as_completed()}
        assert results[0].result == 10 * 2**20
        assert results[1].error["type"] == "OutOfMemory"
        late = client.map("slurmtasks:hang", [1], **options(labd, time_limit=0.5))
        [error] = late.as_completed()
        assert error.error["type"] == "TimeLimit", error


def test_what_dies_with_its_shim_is_made_again(slurm: Slurm, labd: DaemonProcess) -> None:
    """As when a node goes down: nothing is left but that it had begun."""
    effects = Path(labd.folder, "effects")
    with Client(labd.socket) as client:
        made = client.map(
            "slurmtasks:note", range(4), kwargs={"file": str(effects), "pause": 3}, **options(labd)
        )
        wait_until(lambda: effects.exists() and effects.read_text().count("\n") == 4, LATE)
        for pid in {int(line.split()[1]) for line in effects.read_text().splitlines()}:
            shim = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            os.kill(shim, signal.SIGKILL)
        assert made.results() == [0, 2, 4, 6]
        assert made.info()["repeated"] == 4


def test_what_is_not_there_is_refused_at_submit(labd: DaemonProcess) -> None:
    with Client(labd.socket) as client, pytest.raises(NotFound, match="no engine 'slrum'"):
        client.map("slurmtasks:where", [1], **options(labd, engine="slrum"))
    labd.kill()
    labd.options.append(f"plugins.slurm.bin={labd.folder}")
    labd.start()
    done = labd.labctl("map", "slurmtasks:where", "--range", "0-1", "--engine", "slurm")
    assert done.returncode == 7
    assert "Slurm is not here: there is no sbatch" in done.stderr
    assert "slurm-client" in done.stderr


def test_a_partition_that_is_not_there_is_said(slurm: Slurm, labd: DaemonProcess) -> None:
    labd.kill()
    labd.options.append("plugins.slurm.partition=nowhere")
    labd.start()
    with Client(labd.socket) as client, pytest.raises((Refused, MapFailed), match=r"[Ii]nvalid partition"):
        client.map("slurmtasks:where", [1], **options(labd)).results()


def test_it_is_quick_enough(slurm: Slurm, labd: DaemonProcess) -> None:
    """A map of one trivial call does not wait for polls of Slurm."""
    with Client(labd.socket) as client:
        began = time.monotonic()
        assert client.map("slurmtasks:where", [1], **options(labd)).results()
        assert time.monotonic() - began < LATE / 4
