"""The database is damaged in 200 ways. It is never taken for an empty queue in silence. R19."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
import trio

from labd.api.node import Event
from labd.daemon.rebuilding import Rebuilder, evidence
from labd.errors import StateError
from labd.jobs import attempts, table
from labd.jobs.clock import SystemClock
from labd.jobs.queue import Queue
from labd.store import Repair, Store, snapshot
from tests.daemon_process import DaemonProcess
from tests.real.folding import differences
from tests.support import wait_until

pytestmark = pytest.mark.real

PAGE = 4096
MUTATIONS = 200
WAYS = (
    "flip a bit", "flip many bits", "flip the header", "cut", "empty", "zero a page", "swap two pages",
    "noise over a page", "garbage in the log", "flip a bit in the log", "cut the log", "remove the log",
    "remove the file", "remove all but the folders",
)  # fmt: skip


def damage(state: Path, way: str, dice: Random) -> None:
    """Do *way* to the database in *state*."""
    database, log = state / "labd.db", state / "labd.db-wal"
    target = log if "log" in way else database
    data = bytearray(target.read_bytes())
    at = dice.randrange(len(data))
    pages = [dice.randrange(len(data) // PAGE) * PAGE for _ in range(2)]
    if way in ("flip a bit", "flip a bit in the log"):
        data[at] ^= 1 << dice.randrange(8)
    elif way == "flip many bits":
        for _ in range(100):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    elif way == "flip the header":
        data[dice.randrange(100)] ^= 1 << dice.randrange(8)
    elif way in ("cut", "cut the log"):
        del data[at:]
    elif way == "empty":
        data.clear()
    elif way == "zero a page":
        data[pages[0] : pages[0] + PAGE] = bytes(PAGE)
    elif way == "swap two pages":
        first, second = (data[page : page + PAGE] for page in pages)
        data[pages[0] : pages[0] + PAGE], data[pages[1] : pages[1] + PAGE] = second, first
    elif way == "noise over a page":
        data[pages[0] : pages[0] + PAGE] = dice.randbytes(PAGE)
    elif way == "garbage in the log":
        data[:] = dice.randbytes(len(data))
    target.write_bytes(data)
    if way in ("remove the log", "remove the file"):
        target.unlink()
    elif way == "remove all but the folders":
        for path in state.glob("labd.db*"):
            path.unlink()
        shutil.rmtree(state / "snapshots")


class Jobs(NamedTuple):
    """The jobs of a lab by what was going on with them when labd was killed."""

    done: list[int]
    running: list[int]
    waiting: list[int]

    @property
    def begun(self) -> set[int]:
        return {*self.done, *self.running}

    @property
    def all(self) -> set[int]:
        return {*self.begun, *self.waiting}


def fill(daemon: DaemonProcess) -> Jobs:
    """Jobs of each kind, some of them before the snapshot and some after it; the last number has begun."""
    hog, steady = daemon.shell("sleep 1000", cpus=8), daemon.shell("sleep 1000", cpus=0)
    done = [daemon.shell("exit 1", cpus=0) for _ in range(3)]
    waiting = [daemon.shell("true") for _ in range(3)]
    daemon.ended(*done)
    for job in (hog, steady):
        daemon.until_state(job, "running")
    daemon.kill()
    snapshot.take_dated(f"{daemon.state}/labd.db", 4e9, keep=3)
    daemon.start()
    lively = daemon.shell("sleep 1000", cpus=0)
    waiting += [daemon.shell("true") for _ in range(3)]
    done += [daemon.shell("exit 2", cpus=0) for _ in range(3)]
    daemon.ended(*done)
    daemon.until_state(lively, "running")
    daemon.kill()
    return Jobs(done, [hog, steady, lively], waiting)


class Lab(NamedTuple):
    """The state that a killed daemon has left, its jobs still running."""

    daemon: DaemonProcess
    jobs: Jobs

    def copied(self, target: Path) -> Path:
        """The database and its snapshots once more, with the very same folders of jobs."""
        target.mkdir()
        state = Path(self.daemon.state)
        for path in state.glob("labd.db*"):
            shutil.copy2(path, target)
        shutil.copytree(state / "snapshots", target / "snapshots")
        (target / "jobs").symlink_to(state / "jobs")
        return target


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with DaemonProcess() as daemon:
        daemon.start()
        yield Lab(daemon, fill(daemon))


class Silence:
    """A bus without listeners."""

    last = 0

    def publish(self, events: list[Event]) -> None: ...


class Found(NamedTuple):
    """What labd makes of a state: each job's newest attempt, those that run, those unfinished."""

    known: dict[int, int]
    busy: set[int]
    live: set[int]
    repair: Repair | None
    unreadable: list[int]


async def take_up(state: Path) -> Found:
    """Open the store and rebuild, as a daemon does before it starts anything."""
    store = Store.open(str(state / "labd.db"), evidence=evidence(str(state)))
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        queue = Queue(store, Silence(), SystemClock(), attempts.last_job(str(state)))
        queue.load()
        Rebuilder(store, queue, SystemClock(), str(state)).run()
        await store.write(lambda conn: None)
        busy = {job.id for job in queue.live.values() if job.busy}
        known = store.read(table.newest_attempts)
        found = Found(known, busy, set(queue.live), store.repair, queue.unreadable)
        store.close()
    return found


def test_r19_no_damage_makes_a_queue_empty_in_silence(lab: Lab, tmp_path: Path) -> None:
    outcomes = Counter[str]()
    for number in range(MUTATIONS):
        state, way = lab.copied(tmp_path / str(number)), WAYS[number % len(WAYS)]
        damage(state, way, Random(number))
        try:
            found = trio.run(take_up, state)
        except StateError as error:  # it may look like the file of a newer labd: nothing is touched
            outcomes["refused" if "this labd knows" in error.message else "wrongly refused"] += 1
            continue
        outcomes["untouched" if found.repair is None else "repaired"] += 1
        assert problems(lab.jobs, found) == [], f"mutation {number}: {way}: {found}"
    assert outcomes["wrongly refused"] == 0, outcomes
    assert outcomes["repaired"] > MUTATIONS / 3, outcomes
    assert outcomes["untouched"] > 0, outcomes
    assert outcomes["refused"] < MUTATIONS / 20, outcomes


def problems(jobs: Jobs, found: Found) -> list[str]:
    """What is not as promised after damage."""
    missing = jobs.all - set(found.known)
    wrong = []
    if missing & jobs.begun:
        wrong.append(f"{missing & jobs.begun} have folders and are not known")
    if again := {job for job in jobs.begun if found.known.get(job, 1) != 1}:
        wrong.append(f"{again} have other attempts than they had")
    if loose := set(jobs.running) - found.busy - set(found.unreadable):
        wrong.append(f"{loose} run and are not followed")
    if silent := set(jobs.waiting) - missing - found.live - set(found.unreadable):
        wrong.append(f"{silent} do not wait any more")
    if missing and (found.repair is None or found.repair.unaccounted != len(missing)):
        wrong.append(f"{missing} are gone, and labd does not say so")
    return wrong


@pytest.mark.parametrize("way", WAYS)
def test_r19_a_daemon_says_what_was_damaged_and_keeps_running_jobs(
    make_daemon: Callable[..., DaemonProcess], way: str
) -> None:
    daemon = make_daemon().start()
    jobs = fill(daemon)
    damage(Path(daemon.state), way, Random(19))
    daemon.start()
    status, repair = daemon.labctl("status").stdout, daemon.call("daemon.status")["repair"]
    listed = {job["id"]: job for job in daemon.call("job.list", {"limit": 100})["jobs"]}
    assert listed.keys() == jobs.all or "! the store was damaged (" in status
    assert jobs.begun <= listed.keys()
    assert (repair["unaccounted"] if repair else 0) == len(jobs.all - listed.keys())
    assert {job: daemon.job(job)["state"] for job in jobs.running} == dict.fromkeys(jobs.running, "running")
    assert {listed[job]["exit_code"] for job in jobs.done} == {1, 2}
    assert {listed[job]["attempt"] for job in jobs.begun} == {1}
    assert daemon.call("daemon.status")["resources"]["cores_held"] == 8
    assert differences(daemon.state) == []
    daemon.call("job.cancel", {"job": jobs.running[-1]})
    assert daemon.ended(jobs.running[-1])[0]["state"] == "cancelled"
    if repair is not None:
        still_told_until_removed(daemon)


def still_told_until_removed(daemon: DaemonProcess) -> None:
    """No restart forgets a repair; whoever has read of it removes the note."""
    daemon.restart()
    check = next(check for check in daemon.call("daemon.doctor")["checks"] if check["name"] == "store")
    assert check["state"] == "warn"
    assert len(daemon.events("store.repaired")) == 1
    os.unlink(check["hint"].split("rm ")[1])
    assert "damaged" not in daemon.labctl("status").stdout
    assert daemon.restart().call("daemon.status")["repair"] is None


def test_r19_an_array_is_rebuilt_from_the_folders_of_its_tasks(make_daemon):
    daemon = make_daemon(cores=2).start()
    out = Path(daemon.folder, "out")
    script = f"echo $LABD_TASK_INDEX $LABD_ATTEMPT >> {out}; test $LABD_TASK_INDEX -lt 3 || sleep 2"
    array = {"ranges": [[0, 7, 1]]}
    spec = {"argv": ["sh", "-c", script], "cwd": daemon.folder, "array": array}
    job = daemon.call("job.submit", {"spec": spec})["job"]["id"]
    wait_until(lambda: daemon.job(job)["tasks"]["succeeded"] == 3 and daemon.job(job)["tasks"]["running"])
    daemon.kill()
    for path in Path(daemon.state).glob("labd.db*"):
        path.unlink()
    daemon.start()
    assert daemon.ended(job)[0]["state"] == "succeeded"
    assert daemon.job(job)["tasks"]["succeeded"] == 8
    ran = [tuple(map(int, line.split())) for line in out.read_text().splitlines()]
    assert sorted(ran) == [(index, 1) for index in range(8)]
