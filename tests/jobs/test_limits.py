"""Which control group is ours: on trees of plain files, and for real where this machine lets us."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labd.jobs import attempts, limits
from labd.jobs.limits import LEAF, Delegation
from tests.jobs.shim.groups import ROOT, members, real_tree
from tests.jobs.shim.support import Attempt, living, running_zygote, shell
from tests.support import wait_until

USER_SLICE = "/user.slice/user-1000.slice/user@1000.service/app.slice/run-r7.scope"
V1 = "12:memory:/user.slice\n11:pids:/user.slice\n1:name=systemd:/user.slice/session-1.scope\n"


class Machine:
    """A cgroup file system of plain files, and the processes of it that are ours."""

    def __init__(self, folder: Path) -> None:
        self.root, self.own, self.systemd = folder / "cgroup", folder / "own", folder / "systemd"
        self.root.mkdir()
        self.own.write_text(V1)

    def mount(self, at: str = "") -> None:
        (self.root / at).mkdir(exist_ok=True)
        (self.root / at / "cgroup.controllers").write_text("cpu memory pids\n")

    def live_in(self, path: str, *pids: int, controllers: str = "cpu io memory pids", at: str = "") -> Path:
        """Have our process in the group *path*, together with *pids*."""
        self.own.write_text(f"0::{path}\n{V1}")
        for group in (self.root / at / path[1:], (self.root / at / path[1:]).parent):
            group.mkdir(parents=True, exist_ok=True)
            (group / "cgroup.controllers").write_text(controllers)
            (group / "cgroup.subtree_control").touch()
            (group / "cgroup.procs").touch()
        group = self.root / at / path[1:]
        (group / "cgroup.procs").write_text("\n".join(map(str, (os.getpid(), *pids))))
        return group

    def probe(self) -> Delegation | None:
        return limits.probe(str(self.root), str(self.own), str(self.systemd))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose kernel adds what is written to ``subtree_control`` and keeps ``cgroup.procs``."""

    def write(path: str, text: str) -> None:
        with open(path, "a") as file:
            file.write(f"{text.removeprefix('+')}\n")

    monkeypatch.setattr(limits, "_write", write)
    return Machine(tmp_path)


def test_a_scope_of_our_own_is_taken_and_the_daemon_moves_aside(machine: Machine) -> None:
    machine.mount()
    group = machine.live_in(USER_SLICE)
    found = machine.probe()
    assert found == Delegation(str(group), frozenset(("cpu", "memory", "pids")))
    assert found.limits_memory
    assert (group / LEAF / "cgroup.procs").read_text() == f"{os.getpid()}\n"


def test_only_controllers_that_are_there_are_passed_on(machine: Machine) -> None:
    machine.mount()
    machine.live_in(USER_SLICE, controllers="pids")
    found = machine.probe()
    assert found is not None
    assert (found.controllers, found.limits_memory) == ({"pids"}, False)


def test_a_controller_that_the_kernel_refuses_is_done_without(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(path: str, text: str) -> None:
        if text == "+memory":
            raise OSError(16, "Device or resource busy")
        kept(path, text)

    kept = limits._write
    monkeypatch.setattr(limits, "_write", write)
    machine.mount()
    machine.live_in(USER_SLICE)
    found = machine.probe()
    assert found is not None
    assert found.controllers == {"cpu", "pids"}


def test_who_cannot_move_aside_has_no_groups(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: str, text: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(limits, "_write", write)
    machine.mount()
    machine.live_in(USER_SLICE)
    assert machine.probe() is None


def test_a_group_with_others_in_it_is_not_ours(machine: Machine) -> None:
    machine.mount()
    group = machine.live_in(USER_SLICE, 1)
    assert machine.probe() is None
    assert not (group / LEAF).exists()


def test_who_is_in_the_leaf_already_uses_what_is_above(machine: Machine) -> None:
    machine.mount()
    leaf = machine.live_in(f"{USER_SLICE}/{LEAF}", 1)
    assert machine.probe() == Delegation(str(leaf.parent), frozenset(("cpu", "memory", "pids")))
    assert not (leaf / LEAF).exists()


@pytest.mark.parametrize("leaf", ["", f"/{LEAF}"])
def test_r2_a_service_passes_no_controllers_on_since_it_could_not_start_again(
    machine: Machine, leaf: str
) -> None:
    machine.mount()
    group = machine.live_in(f"/system.slice/labd.service{leaf}")
    found = machine.probe()
    assert found == Delegation(str(machine.root / "system.slice/labd.service"), frozenset())
    assert Path(found.path, "cgroup.subtree_control").read_text() == ""
    assert not (group / LEAF).exists()


def test_a_hybrid_machine_has_groups_without_controllers(machine: Machine) -> None:
    machine.mount("unified")
    group = machine.live_in("/lab", controllers="", at="unified")
    assert machine.probe() == Delegation(str(group), frozenset())


def test_a_machine_with_version_1_alone_has_none(machine: Machine) -> None:
    (machine.root / "memory").mkdir()
    assert machine.probe() is None


def test_a_mount_that_our_group_cannot_be_seen_in_is_none(machine: Machine) -> None:
    machine.mount()
    for path in ("/../../outside", "/gone (deleted)", "/not/there"):
        machine.own.write_text(f"0::{path}\n")
        assert machine.probe() is None


def test_what_cannot_be_written_is_not_ours(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.mount()
    group = machine.live_in(USER_SLICE)
    monkeypatch.setattr(os, "access", lambda path, mode: path != f"{group}/cgroup.procs")
    assert machine.probe() is None


def test_root_takes_only_what_systemd_has_marked(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    machine.mount()
    machine.live_in("/system.slice/run-r7.scope")
    machine.systemd.mkdir()
    marks = {"trusted.delegate": b"0"}
    monkeypatch.setattr(os, "getxattr", lambda path, name: marks[name] if name in marks else _refuse())
    assert machine.probe() is None
    marks["trusted.delegate"] = b"1"
    assert machine.probe() is not None


def _refuse() -> bytes:
    raise OSError(61, "No data available")


def test_a_user_need_not_be_told_what_is_his(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    machine.mount()
    machine.live_in(USER_SLICE)
    machine.systemd.mkdir()
    assert machine.probe() is not None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("0::/\n", "/"),
        (f"{V1}0::/a:b/c d\n", "/a:b/c d"),
        (V1, None),
        ("", None),
        ("0::\n", None),
        ("nonsense", None),
        ("0:memory:/x\n", None),
    ],
)
def test_the_line_of_version_2_is_found(text: str, path: str | None) -> None:
    assert limits.parse_own(text) == path


@pytest.fixture
def tree() -> Iterator[str]:
    with real_tree() as tree:
        yield tree


PROBE = """
import os, sys
from labd.jobs import limits
open(sys.argv[1] + "/cgroup.procs", "w").write(str(os.getpid()))
found = limits.probe(systemd="/nowhere")
print(found.path, open("/proc/self/cgroup").read().split("0::")[1].split()[0])
"""


@pytest.mark.real
def test_a_process_alone_in_its_group_takes_it(tree: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROBE, tree], check=True, capture_output=True, text=True)
    path, own = done.stdout.split()
    assert path == tree
    assert own.endswith(f"/{os.path.basename(tree)}/{LEAF}")


@pytest.mark.real
def test_a_process_among_others_takes_nothing() -> None:
    base = limits.own_group(ROOT, "/proc/self/cgroup")
    if base is None or set(members(base)) <= limits.family():
        pytest.skip("these tests are alone in their group")
    assert limits.probe() is None


@pytest.mark.real
def test_r8_what_a_killed_shim_left_is_ended_even_without_its_token(tree: str, tmp_path: Path) -> None:
    text = "env -i setsid sleep 600 & echo $!; wait"
    with running_zygote() as zygote:
        attempt = Attempt(zygote, attempts.folder(str(tmp_path), 1, 1), shell(text, cgroup=tree))
        stray = int(attempt.until_logged("\n"))
        wait_until(lambda: stray not in attempt.processes())
        os.kill(attempt.pid, signal.SIGKILL)
        wait_until(attempt.released)
    wait_until(lambda: members(f"{tree}/job-1.1") == [stray])
    assert limits.tidy(tree) == 0
    assert living(stray)
    wait_until(lambda: limits.end(tree, 1, 1))
    assert not living(stray)
    assert limits.end(tree, 1, 1), "there is nothing to end"


@pytest.mark.real
def test_groups_in_which_nothing_lives_are_removed(tree: str) -> None:
    for name in ("job-1.1", "job-2.1", "labd.daemon"):
        os.mkdir(f"{tree}/{name}")
    assert limits.tidy(tree) == 2
    assert os.path.isdir(f"{tree}/labd.daemon")
