"""Launching through the zygote: every outcome is known, and no descriptor or zombie is left."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from labd.jobs import attempts
from labd.jobs.launch import Launcher, LaunchError, LaunchUnknown
from labd.jobs.shim import marks
from labd.jobs.shim.spawn import start_zygote
from labd.process import procs
from tests.jobs.shim.support import order, shell
from tests.support import wait_until_async

pytestmark = pytest.mark.real


@pytest.fixture
async def launcher(nursery: trio.Nursery) -> Launcher:
    launcher = Launcher(start_zygote())
    await nursery.start(launcher.run)
    return launcher


def _folder(tmp_path: Path, job: int) -> str:
    return attempts.folder(str(tmp_path), job, 1)


async def _until(path: str, kind: str) -> attempts.Finding:
    await wait_until_async(lambda: attempts.inspect(path).kind == kind)
    return attempts.inspect(path)


async def test_a_launched_attempt_runs_and_exits(launcher: Launcher, tmp_path: Path) -> None:
    path = _folder(tmp_path, 1)
    pid = await launcher.launch(path, attempts.prepare(path, shell("exit 3")))
    found = await _until(path, "exited")
    assert (found.exit or {})["exit_code"] == 3
    assert (found.started or {})["pid"] == pid
    assert launcher.statistics().launched == 1


async def test_fifty_at_once_all_start_and_nothing_leaks(launcher: Launcher, tmp_path: Path) -> None:
    paths = [_folder(tmp_path, job) for job in range(50)]
    fds = len(os.listdir("/proc/self/fd"))
    async with trio.open_nursery() as nursery:
        for job, path in enumerate(paths):
            nursery.start_soon(launcher.launch, path, attempts.prepare(path, shell(f"exit {job}")))
    for job, path in enumerate(paths):
        assert ((await _until(path, "exited")).exit or {})["exit_code"] == job
    assert len(os.listdir("/proc/self/fd")) == fds
    zygote = launcher.statistics().zygote
    assert len(os.listdir(f"/proc/{zygote}/fd")) == 4
    await wait_until_async(lambda: not _children(zygote))
    assert launcher.statistics()._replace(zygote=0) == (0, 50, 0, 0, 0)


def _children(parent: int) -> list[int]:
    return [pid for pid in procs.pids() if (found := procs.look(pid)) and found.parent == parent]


async def test_a_refusal_leaves_the_lock_free(launcher: Launcher, tmp_path: Path) -> None:
    path = _folder(tmp_path, 1)
    lock = attempts.prepare(path, order("true"))
    os.mkdir(f"{path}/ctl")
    with pytest.raises(LaunchError, match="File exists"):
        await launcher.launch(path, lock)
    assert attempts.inspect(path).kind == "never"
    assert launcher.statistics().failed == 1
    os.close(attempts.prepare(path, order("true")))


async def _launch_unknown(launcher: Launcher, path: str, lock: int) -> None:
    with pytest.raises(LaunchUnknown, match="zygote died"):
        await launcher.launch(path, lock)


async def test_a_zygote_that_dies_with_a_request_leaves_it_provably_unbegun(
    launcher: Launcher, tmp_path: Path
) -> None:
    path, zygote = _folder(tmp_path, 1), launcher.statistics().zygote
    fds = len(os.listdir("/proc/self/fd"))
    os.kill(zygote, signal.SIGSTOP)
    lock = attempts.prepare(path, order("true"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_launch_unknown, launcher, path, lock)
        await wait_until_async(lambda: launcher.statistics().waiting == 1)
        assert attempts.inspect(path).kind == "alive"
        os.kill(zygote, signal.SIGKILL)
    assert attempts.inspect(path).kind == "never"
    assert len(os.listdir("/proc/self/fd")) <= fds
    pid = await launcher.launch(path, attempts.prepare(path, order("true")))
    assert pid > 0
    assert launcher.statistics().restarts == 1
    assert launcher.statistics().zygote != zygote
    await _until(path, "exited")


async def test_r3_a_zygote_killed_amid_launches_loses_and_doubles_none(
    launcher: Launcher, tmp_path: Path
) -> None:
    effects, outcomes = tmp_path / "effects", dict[int, str]()

    async def one(job: int) -> None:
        path = _folder(tmp_path, job)
        lock = attempts.prepare(path, shell(f"echo {job} >> {effects}"))
        try:
            await launcher.launch(path, lock)
            outcomes[job] = "begun"
        except LaunchError:
            outcomes[job] = "never"
        except LaunchUnknown:
            outcomes[job] = "unknown"

    async with trio.open_nursery() as nursery:
        for job in range(40):
            nursery.start_soon(one, job)
        await wait_until_async(lambda: launcher.statistics().launched >= 5, every=0.001)
        os.kill(launcher.statistics().zygote, signal.SIGKILL)
    for job in range(40):
        await wait_until_async(lambda job=job: attempts.inspect(_folder(tmp_path, job)).kind != "alive")
    kinds = {job: attempts.inspect(_folder(tmp_path, job)).kind for job in range(40)}
    ran = sorted(map(int, effects.read_text().split()))
    assert ran == [job for job, kind in kinds.items() if kind == "exited"]
    assert set(kinds.values()) <= {"exited", "never"}
    assert {kinds[job] for job, outcome in outcomes.items() if outcome == "begun"} == {"exited"}
    assert {kinds[job] for job, outcome in outcomes.items() if outcome == "never"} <= {"never"}


async def test_launches_wait_for_the_next_zygote(launcher: Launcher, tmp_path: Path) -> None:
    zygote = launcher.statistics().zygote
    os.kill(zygote, signal.SIGKILL)
    await wait_until_async(lambda: launcher.statistics().zygote != zygote)
    path = _folder(tmp_path, 1)
    await launcher.launch(path, attempts.prepare(path, order("true")))
    await _until(path, "exited")


async def test_a_cancelled_launch_gives_the_lock_back(tmp_path: Path) -> None:
    launcher, path = Launcher(), _folder(tmp_path, 1)
    with trio.move_on_after(0.01):
        await launcher.launch(path, attempts.prepare(path, order("true")))
    assert attempts.inspect(path).kind == "never"
    assert launcher.statistics() == (0, 0, 0, 0, 0)


async def test_when_the_launcher_stops_its_zygote_goes_and_its_jobs_stay(tmp_path: Path) -> None:
    path = _folder(tmp_path, 1)
    async with trio.open_nursery() as nursery:
        launcher = Launcher()
        await nursery.start(launcher.run)
        await launcher.launch(path, attempts.prepare(path, order("sleep", "600")))
        zygote = launcher.statistics().zygote
        nursery.cancel_scope.cancel()
    assert procs.look(zygote) is None
    assert attempts.inspect(path).kind == "alive"
    assert attempts.cancel(path, 0.0)
    await _until(path, "exited")


async def test_a_zygote_that_hangs_does_not_hold_up_the_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labd.jobs.launch.PATIENCE", 0.1)
    async with trio.open_nursery() as nursery:
        launcher = Launcher()
        await nursery.start(launcher.run)
        await wait_until_async(lambda: launcher.statistics().zygote)
        zygote = launcher.statistics().zygote
        os.kill(zygote, signal.SIGSTOP)
        nursery.cancel_scope.cancel()
    await wait_until_async(lambda: procs.look(zygote) is None)


def test_a_zygote_is_started_without_trio() -> None:
    root = str(Path(marks.__file__).parents[3])
    code = (
        "import sys; sys.path.append(sys.argv[1]); from labd.jobs.shim.spawn import start_zygote as start; "
        "zygote = start(); zygote.socket.close(); zygote.process.wait(60); print('trio' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-I", "-c", code, root]) == b"False\n"
