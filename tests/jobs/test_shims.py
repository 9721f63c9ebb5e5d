"""One shim after the other attempt: handed over, heard of, let go, and lost without losing anything."""

import os
import signal
from pathlib import Path

import pytest
import trio

from labd.jobs import attempts
from labd.jobs.launch import Launcher, LaunchError
from labd.jobs.shim import serve
from labd.jobs.shim.spawn import start_zygote
from labd.jobs.shims import KEPT, Shims
from tests.jobs.shim.support import living, order, shell
from tests.support import wait_until_async

pytestmark = pytest.mark.real


class Rig:
    """Launches attempts in a folder and keeps what was heard of them."""

    def __init__(self, shims: Shims, state: Path) -> None:
        self.shims, self.state = shims, state
        self.heard: dict[int, bool] = {}

    def path(self, job: int) -> str:
        return attempts.folder(str(self.state), job, 1)

    async def launch(self, job: int, what: dict[str, object]) -> int:
        lock = attempts.prepare(self.path(job), what)
        return await self.shims.launch(self.path(job), lock, lambda over: self.heard.update({job: over}))

    async def run(self, job: int, what: dict[str, object]) -> int:
        """Launch and wait for the end; the pid of the shim."""
        pid = await self.launch(job, what)
        await wait_until_async(lambda: job in self.heard)
        return pid

    def said(self, job: int) -> str:
        return Path(self.path(job), "out.log").read_text()

    def record(self, job: int) -> dict[str, object]:
        return attempts.inspect(self.path(job)).exit or {}


@pytest.fixture
async def rig(nursery: trio.Nursery, tmp_path: Path) -> Rig:
    launcher = Launcher(start_zygote())
    await nursery.start(launcher.run)
    shims = Shims(launcher)
    await nursery.start(shims.run)
    return Rig(shims, tmp_path)


async def test_one_shim_owns_attempts_one_after_the_other(rig: Rig) -> None:
    pids = {await rig.run(job, shell(f"echo {job}; exit {job}")) for job in range(20)}
    assert len(pids) == 1
    assert all(rig.heard.values())
    assert [rig.record(job)["exit_code"] for job in range(20)] == list(range(20))
    assert [rig.said(job) for job in range(20)] == [f"{job}\n" for job in range(20)]
    assert not any(attempts.locked(rig.path(job)) for job in range(20))


async def test_figures_of_one_job_are_not_those_of_the_one_before(rig: Rig) -> None:
    await rig.run(1, shell("head -c 60000000 /dev/zero | tail -c 50000000 | wc -c"))
    await rig.run(2, order("true"))
    large, small = rig.record(1), rig.record(2)
    assert int(str(large["max_rss"])) > 4 * int(str(small["max_rss"]))
    used = [float(str(each["user_seconds"])) + float(str(each["system_seconds"])) for each in (large, small)]
    assert used[1] < used[0]


async def test_a_job_finds_nothing_of_the_one_before(rig: Rig) -> None:
    await rig.run(1, shell("cd /tmp; umask 000; export LEFT=1; true"))
    await rig.run(2, shell("umask; pwd; echo ${LEFT-none}; ls /proc/self/fd | wc -l", cwd="/usr"))
    assert rig.said(2).split() == ["0022", "/usr", "none", "4"]


async def test_two_at_once_need_two_and_all_but_a_spare_one_go_by_themselves(rig: Rig) -> None:
    go = rig.state / "go"
    os.mkfifo(go)
    pids = {await rig.launch(job, shell(f"read line < {go}")) for job in (1, 2)}
    assert len(pids) == 2
    for _ in pids:
        fd = os.open(go, os.O_RDWR)  # both ends: whoever reads first does not end it for the other
        os.write(fd, b"a\nb\n")
    await wait_until_async(lambda: len(rig.heard) == 2)
    assert all(living(pid) for pid in pids)
    await wait_until_async(lambda: sum(map(living, pids)) == 1, timeout=KEPT + 20)
    assert await rig.run(3, order("true")) in pids


async def test_a_shim_goes_in_the_end_however_much_there_is_to_do(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = [await rig.run(job, order("true")) for job in range(serve.LONGEST + 2)]
    assert len(set(pids)) == 2
    assert pids[serve.LONGEST - 1] == pids[0] != pids[serve.LONGEST]
    assert {rig.record(job)["exit_code"] for job in range(serve.LONGEST + 2)} == {0}


async def test_r8_a_shim_that_is_killed_is_heard_of_at_once(rig: Rig) -> None:
    pid = await rig.launch(1, order("sleep", "600"))
    await wait_until_async(lambda: attempts.inspect(rig.path(1)).started is not None)
    os.kill(pid, signal.SIGKILL)
    await wait_until_async(lambda: rig.heard == {1: False})
    await wait_until_async(lambda: attempts.inspect(rig.path(1)).kind == "lost")


async def test_an_idle_shim_that_dies_costs_nobody_anything(rig: Rig) -> None:
    first = await rig.run(1, order("true"))
    os.kill(first, signal.SIGKILL)
    await wait_until_async(lambda: not living(first))
    assert await rig.run(2, order("true")) != first
    assert rig.record(2)["exit_code"] == 0


async def test_a_refusal_is_said_and_the_shim_stays(rig: Rig) -> None:
    first = await rig.run(1, order("true"))
    lock = attempts.prepare(rig.path(2), order("true"))
    os.mkdir(f"{rig.path(2)}/ctl")
    with pytest.raises(LaunchError, match="File exists"):
        await rig.shims.launch(rig.path(2), lock, lambda over: rig.heard.update({2: over}))
    assert attempts.inspect(rig.path(2)).kind == "never"
    assert 2 not in rig.heard
    assert await rig.run(3, order("true")) == first


async def test_a_program_that_cannot_be_run_spoils_nothing(rig: Rig) -> None:
    first = await rig.run(1, order("/no/such/program"))
    assert rig.record(1)["exit_code"] == 127
    assert await rig.run(2, order("true", cwd="/no/such/folder")) == first
    assert rig.record(2)["exit_code"] == 127
    assert await rig.run(3, order("true")) == first
    assert rig.record(3)["exit_code"] == 0


async def test_r6_an_attempt_goes_on_when_nobody_listens(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        launcher = Launcher(start_zygote())
        await nursery.start(launcher.run)
        shims = Shims(launcher)
        await nursery.start(shims.run)
        rig = Rig(shims, tmp_path)
        pid = await rig.launch(1, shell("sleep 0.2; exit 7"))
        nursery.cancel_scope.cancel()
    await wait_until_async(lambda: attempts.inspect(rig.path(1)).kind == "exited")
    assert rig.record(1)["exit_code"] == 7
    await wait_until_async(lambda: not living(pid))
