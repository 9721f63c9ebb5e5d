"""What each level of isolation promises, tried by a worker that wants out: by every means, as a real user."""

import contextlib
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import trio

from labd.errors import Refused, WorkerError
from labd.workers import boot, bubblewrap, interpreter, plan, sandbox, system
from labd.workers.probing import probe
from labd.workers.sandbox import Means
from tests.workers.house import FOLDER, foreign, running

pytestmark = pytest.mark.real
HERE = probe()
ROOT = os.getuid() == 0
NOBODY = "nobody" if ROOT else ""
_absent = Means("none", "", "it is not there", "get it")


def _usable(python):
    """Whether the user of these tests can run *python* and read labd and the tests."""
    needed = [*boot.PACKAGES, FOLDER]
    code = f"import os, sys; sys.exit(sys.version_info < (3, 11) or not all(map(os.listdir, {needed!r})))"
    who = {"user": NOBODY, "group": pwd.getpwnam(NOBODY).pw_gid, "extra_groups": []} if NOBODY else {}
    with contextlib.suppress(OSError):
        return not subprocess.run(
            [python, "-c", code], cwd="/", capture_output=True, check=False, **who
        ).returncode
    return False


PYTHON = next((each for each in (sys.executable, "/usr/bin/python3") if _usable(each)), "")
pytestmark = [pytest.mark.real, pytest.mark.skipif(not PYTHON, reason="no interpreter that nobody can run")]

ONLY = {
    "bubblewrap": HERE._replace(landlock=_absent),
    "bubblewrap alone": HERE._replace(landlock=_absent, seccomp=_absent),
    "landlock": HERE._replace(bubblewrap=_absent),
}


def means(*names):
    return [
        pytest.param(
            ONLY[name], id=name.replace(" ", "-"),
            marks=pytest.mark.skipif("isolated" not in ONLY[name].available, reason=f"{name} is not here"),
        )
        for name in names
    ]  # fmt: skip


EVERY = means(*ONLY)
FILTERED = means("bubblewrap", "landlock")


def hostile(**spec):
    return foreign(**({"target": "hostile", "user": NOBODY, "python": PYTHON} | spec))


@contextlib.asynccontextmanager
async def behind(levels, **spec):
    async with running(probe=lambda: levels) as house, house.workers.start(hostile(**spec)) as worker:
        yield worker


@pytest.fixture(autouse=True)
async def in_time():
    with trio.fail_after(90):
        yield


class Bait:
    """What a worker goes for: all of it is ours, and of the same user as the worker."""

    def __init__(self, stack):
        self.folder = tempfile.mkdtemp(prefix="labd-bait-", dir="/tmp")
        stack.callback(shutil.rmtree, self.folder)
        self.file = f"{self.folder}/secret"
        Path(self.file).write_text("secret")
        self.path, self.abstract = f"{self.folder}/socket", f"labd-bait-{os.getpid()}"
        self.tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        self.udp.bind(("127.0.0.1", 0))
        self.udp.setblocking(False)
        for address in (self.path, "\0" + self.abstract):
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(address)
            server.listen()
        who = {"user": NOBODY, "group": pwd.getpwnam(NOBODY).pw_gid, "extra_groups": []} if NOBODY else {}
        self.victim = stack.enter_context(subprocess.Popen(["/bin/sleep", "600"], cwd="/", **who))
        stack.callback(self.victim.kill)
        for path in (self.folder, self.file, self.path):
            os.chmod(path, 0o700)
            if ROOT:
                os.chown(path, pwd.getpwnam(NOBODY).pw_uid, -1)
        self.port = self.tcp.getsockname()[1]
        self.asked = 0

    async def offer(self, worker, folder=""):
        """What of it worked."""
        self.asked += 1
        return await worker.call(
            "attempts", file=self.file, folder=folder or self.folder, port=self.port, path=self.path,
            abstract=self.abstract, victim=self.victim.pid, number=self.asked,
        )  # fmt: skip

    def heard(self):
        """Whether a datagram came."""
        try:
            return self.udp.recv(10) == b"out"
        except BlockingIOError:
            return False


@pytest.fixture
def bait():
    with contextlib.ExitStack() as stack:
        yield Bait(stack)


def worked(outcome):
    return {words for words, result in outcome.items() if result}


YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")
NOT_EVERYWHERE = {"trace a process"} if YAMA.exists() and YAMA.read_text().strip() != "0" else set()


async def test_without_walls_all_of_it_works(bait):
    """Else the tests below would show nothing."""
    async with running() as house, house.workers.start(hostile(sandbox="limits")) as worker:
        outcome = await bait.offer(worker)
        assert set(outcome) - worked(outcome) <= NOT_EVERYWHERE
        await worker.call("send_datagram", port=bait.udp.getsockname()[1])
        assert bait.heard()


@pytest.mark.parametrize("levels", EVERY)
async def test_isolated_reaches_nothing_of_its_own_user(bait, levels):
    async with behind(levels, sandbox="isolated") as worker:
        assert worked(await bait.offer(worker)) == set()
        with contextlib.suppress(WorkerError):
            await worker.call("send_datagram", port=bait.udp.getsockname()[1])
        assert not bait.heard()
    assert sorted(os.listdir(bait.folder)) == ["secret", "socket"]
    assert os.stat(bait.file).st_mode & 0o777 == 0o700


@pytest.mark.parametrize("levels", FILTERED)
async def test_isolated_with_net_reaches_the_net_and_nothing_else(bait, levels):
    async with behind(levels, sandbox="isolated+net") as worker:
        assert worked(await bait.offer(worker)) == {"connect by TCP"}
        await worker.call("send_datagram", port=bait.udp.getsockname()[1])
        assert bait.heard()


@pytest.mark.parametrize("sandbox", ["isolated", "isolated+net"])
@pytest.mark.parametrize("levels", FILTERED)
async def test_the_dark_corners_of_the_kernel_are_closed(bait, levels, sandbox):
    async with behind(levels, sandbox=sandbox) as worker:
        assert worked(await worker.call("tries_the_kernel", folder=bait.folder)) == set()


@pytest.mark.parametrize("levels", EVERY)
async def test_what_libraries_do_works_behind_walls(levels):
    async with behind(levels, sandbox="isolated") as worker:
        assert await worker.call("usual") == ["x", "out\n"]


@pytest.mark.parametrize("levels", EVERY)
async def test_a_worker_has_what_it_was_lent(bait, levels):
    """And what it may write to is not more than that."""
    os.mkdir(f"{bait.folder}/out")
    os.chmod(f"{bait.folder}/out", 0o777)
    lent = {"read": (bait.file,), "write": (f"{bait.folder}/out",)}
    async with behind(levels, sandbox="isolated", **lent) as worker:
        outcome = worked(await bait.offer(worker))
        assert "read a file" in outcome
        assert outcome <= {"read a file", "list a folder", "make a file"}
        assert (await bait.offer(worker, f"{bait.folder}/out"))["make a file"]
    assert sorted(os.listdir(bait.folder)) == ["out", "secret", "socket"]
    assert os.listdir(f"{bait.folder}/out") == ["made2"]


@pytest.mark.parametrize("levels", means("landlock"))
async def test_landlock_gives_a_folder_that_goes_with_the_worker(levels):
    async with behind(levels, sandbox="isolated") as worker:
        folder, home, cwd = await worker.call("own_folder")
        assert (folder, cwd) == (home, "/")
        assert os.stat(folder).st_mode & 0o777 == 0o700
    assert os.path.basename(folder) not in os.listdir("/tmp")


@pytest.mark.parametrize("levels", means("landlock"))
async def test_what_landlock_cannot_isolate_is_refused(levels):
    async with running(probe=lambda: levels) as house:
        with pytest.raises(
            Refused, match="only bubblewrap isolates a worker with `warm`, and it is not there"
        ):
            async with house.workers.start(hostile(sandbox="isolated", warm=("hostile",))):
                pass


@pytest.mark.skipif(not ROOT, reason="needs root")
@pytest.mark.parametrize("levels", means("landlock"))
async def test_landlock_isolates_nobody_who_is_root(levels):
    async with running(probe=lambda: levels) as house:
        with pytest.raises(Refused, match="only bubblewrap isolates a worker of root") as caught:
            async with house.workers.start(hostile(sandbox="isolated", user="")):
                pass
        assert "name a `user`" in caught.value.hint


@pytest.fixture
def nodes(tmp_path):
    """Two devices that are the null device, named as those of GPUs; everybody may use them."""
    if not ROOT:
        pytest.skip("needs root")
    for index in range(2):
        os.mknod(tmp_path / f"nvidia{index}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    if not _usable_node(tmp_path / "nvidia0"):
        pytest.skip("there are no devices in this file system")
    return [f"{tmp_path}/nvidia0", f"{tmp_path}/nvidia1"], system.gpu_nodes((1,), str(tmp_path))


def _usable_node(path):
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDWR))
        return True
    return False


def _opens(paths, command=(), rules=None):
    """Which of *paths* a process behind walls can open."""
    code = f"""
import os
from labd.process import kernel
from labd.workers import landlock
if {rules!r}:
    kernel.gain_no_privileges()
    landlock.enclose({rules!r}, net=True)
for path in {paths!r}:
    try:
        os.close(os.open(path, os.O_RDWR))
        print(path)
    except OSError:
        pass
"""
    at = f"import sys; sys.path.append({os.path.dirname(boot.PACKAGES[0])!r})"
    done = subprocess.run(
        [*command, sys.executable, "-c", at + code], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.skipif(not HERE.bubblewrap.usable, reason="needs bubblewrap (apt install)")
async def test_bubblewrap_has_the_nodes_of_leased_gpus_alone(nodes):
    every, leased = nodes
    read = [*interpreter.ask("").folders, *boot.PACKAGES]
    command = bubblewrap.words(HERE.bubblewrap.detail, read, (), leased, net=False, filter=0)
    assert _opens(every) == every
    assert _opens(every, [*command, "--"]) == every[1:]


@pytest.mark.skipif(not HERE.landlock.usable, reason="needs Linux 6.12 with Landlock")
async def test_landlock_has_the_nodes_of_leased_gpus_alone(nodes):
    every, leased = nodes
    assert _opens(every, rules=sandbox.rules(["/usr"], (), leased, net=True)) == every[1:]


async def test_the_kernel_bounds_the_threads_between_two_counts(monkeypatch):
    monkeypatch.setattr(plan, "TASKS_EACH", 20)
    async with behind(HERE, sandbox="limits", processes=2) as worker:
        soft, hard = await worker.call("limit_of_tasks")
        assert soft == hard >= 40
        assert await worker.call("more_threads", most=soft + 100) < soft


@pytest.mark.skipif(not ROOT, reason="needs root")
@pytest.mark.parametrize("warm", [(), ("hostile",)], ids=["fresh", "warm"])
@pytest.mark.parametrize("sandbox", ["none", "limits", "isolated"])
async def test_a_worker_of_a_root_daemon_is_its_user_and_nothing_more(sandbox, warm):
    if sandbox not in HERE.available:
        pytest.skip("needs bubblewrap (apt install)")
    nobody = pwd.getpwnam("nobody")
    async with running() as house, house.workers.start(hostile(sandbox=sandbox, warm=warm)) as worker:
        standing = await worker.call("standing")
    status = standing["status"]
    assert standing["ids"] == [nobody.pw_uid] * 3 + [nobody.pw_gid] * 3
    if sandbox != "isolated":  # there the user's other groups are numbers that nobody has
        assert sorted(standing["groups"]) == sorted(os.getgrouplist("nobody", nobody.pw_gid))
    assert [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [0] * 4
    assert status["NoNewPrivs"] == str(int(sandbox != "none"))
    assert status["Seccomp"] == ("2" if sandbox == "isolated" else "0")
