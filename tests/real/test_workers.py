"""Workers as processes: fresh and warm, well and ill behaved."""

import logging
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import msgpack
import pytest
import trio
import trio.lowlevel

from labd.api.services import Restart
from labd.api.workers import WorkerState
from labd.errors import DeadlineExceeded, Refused, UsageError, WorkerError, WorkerLost
from labd.wire.messages import Notice, Reply
from labd.wire.session import encode
from labd.workers.probing import probe
from labd.workers.sandbox import Levels, Means
from tests.daemon_process import carrying
from tests.support import wait_until_async
from tests.workers.house import foreign, running

numpy = pytest.importorskip("numpy")
pytestmark = pytest.mark.real
PATIENCE = 30.0

needs_bwrap = pytest.mark.skipif("isolated" not in probe().available, reason="needs bubblewrap (apt install)")
KINDS = [
    pytest.param({"sandbox": "none"}, id="none"),
    pytest.param({}, id="limits"),
    pytest.param({"warm": ("foreign",)}, id="warm"),
    pytest.param({"sandbox": "isolated"}, id="isolated", marks=needs_bwrap),
    pytest.param({"sandbox": "isolated", "warm": ("foreign",)}, id="isolated-warm", marks=needs_bwrap),
]


@pytest.fixture(autouse=True)
async def in_time():
    with trio.fail_after(4 * PATIENCE):
        yield


@pytest.fixture
async def house():
    async with running() as house:
        yield house


async def raised(awaitable, kind=WorkerLost):
    with pytest.raises(kind) as caught:
        await awaitable
    return str(caught.value)


# -- well behaved --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_a_worker_answers_and_is_gone_afterwards(house, kind):
    async with house.workers.start(foreign(**kind, env={"MARK": f"w{os.getpid()}"})) as worker:
        assert worker.state is WorkerState.READY
        assert await worker.call("add", a=1, b=2) == 3
        around = await worker.call("surroundings")
        assert around["env"]["CUDA_VISIBLE_DEVICES"] == ""
        assert around["sockets"] == 1
        assert worker.statistics().calls == 2
    assert worker.state is WorkerState.STOPPED
    assert worker.ending.reason == "it left with exit code 0"
    assert house.events == []
    with pytest.raises(WorkerLost, match="ended"):
        await worker.call("add", a=1, b=2)


async def test_an_object_of_the_target_keeps_its_state(house):
    spec = foreign(target="foreign:Model", arguments={"factor": 3})
    async with house.workers.start(spec) as worker:
        assert await worker.call("predict", x=14) == 42


async def test_what_its_code_raises_is_an_error_with_its_traceback(house):
    async with house.workers.start(foreign()) as worker:
        with pytest.raises(WorkerError, match="fail: ValueError: too warm") as caught:
            await worker.call("fail", text="too warm")
        assert caught.value.data["type"] == "ValueError"
        assert "in fail" in caught.value.data["traceback"]
        assert "is it 'add'" in await raised(worker.call("ad"), WorkerError)
        assert "no method '_start'" not in await raised(worker.call("_kept"), WorkerError)
        assert "cannot be sent" in await raised(worker.call("unsendable"), WorkerError)
        assert await worker.call("add", a=1, b=2) == 3
        assert worker.statistics().failed == 4


@pytest.mark.parametrize("target", ["absent", "foreign:absent", "foreign:fail"])
async def test_a_target_that_does_not_load_is_said(house, target):
    with pytest.raises(WorkerError, match=r"ModuleNotFoundError|AttributeError|TypeError"):
        async with house.workers.start(foreign(target=target)):
            pass


async def test_both_sides_ask_and_tell(house):
    heard = []

    async def double(n):
        await trio.lowlevel.checkpoint()
        return 2 * n

    async def refuse():
        raise Refused("not today")

    methods = {"double": double, "refuse": refuse}
    async with house.workers.start(
        foreign(), methods=methods, listen=lambda *told: heard.append(told)
    ) as worker:
        assert await worker.call("ask", method="double", n=21) == 42
        assert await worker.call("ask_wrongly", method="refuse") == ["refused", "not today"]
        assert (await worker.call("ask_wrongly", method="absent"))[0] == "not_found"
        await worker.call("tell", times=2)
        assert heard == [("tick", {"n": 0}), ("tick", {"n": 1})]
        await worker.call("tell_from_threads", times=200)
        assert len(heard) == 802
        worker.notify("keep", x=[7])
        assert await worker.call("kept_values") == [7.0]


async def test_calls_wait_for_their_turn(house):
    async with house.workers.start(foreign()) as worker, trio.open_nursery() as nursery:
        got = []

        async def one(n):
            got.append(await worker.call("add", a=n, b=0))

        for n in range(20):
            nursery.start_soon(one, n)
            await trio.lowlevel.checkpoint()
        await wait_until_async(lambda: len(got) == 20)
        assert got == sorted(got)


async def test_workers_of_a_template_share_no_randomness(house):
    values = []
    for _ in range(2):
        async with house.workers.start(foreign(warm=("numpy.random", "foreign"))) as worker:
            values.append(await worker.call("random"))
            assert "numpy" in (await worker.call("surroundings"))["modules"]
            assert (await worker.call("matmul", x=numpy.eye(300)) == numpy.eye(300)).all()
    assert values[0] != values[1]
    assert house.house.statistics().templates == 1


async def test_another_interpreter_is_lent_labd(house, tmp_path):
    venv = tmp_path / "venv"
    await trio.run_process([sys.executable, "-m", "venv", "--without-pip", str(venv)])
    async with house.workers.start(foreign(python=str(venv / "bin" / "python"))) as worker:
        around = await worker.call("surroundings")
        assert around["python"] == str(venv / "bin" / "python")
        assert not {"trio", "msgspec"} & set(around["modules"])


async def test_a_worker_loads_next_to_nothing(house):
    async with house.workers.start(foreign()) as worker:
        modules = set((await worker.call("surroundings"))["modules"])
    assert not modules & {"trio", "asyncio", "msgspec", "numpy", "logging", "pluggy"}


async def test_a_lease_is_held_as_long_as_the_worker_and_names_its_gpus(house):
    async with house.workers.start(foreign(cpus=2, gpus=2, name="model")) as worker:
        assert house.ledger.held == [
            {"cpus": 2, "memory": 0, "gpus": 2, "gpu_ids": (), "vram": 0, "holder": "worker model"}
        ]
        assert (await worker.call("surroundings"))["env"]["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert house.ledger.held == []


# -- arrays --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f4", "u1", "c16", ">f8", "?"])
async def test_arrays_come_back_as_they_went(house, dtype):
    array = (numpy.random.default_rng(1).random((300, 500)) * 10).astype(dtype)
    async with house.workers.start(foreign()) as worker:
        got = await worker.call("echo", x={"in": [array, array.T, array[:0], array[:2, :2]]})
        for sent, back in zip([array, array.T, array[:0], array[:2, :2]], got["in"], strict=True):
            assert back.shape == sent.shape
            assert (back == sent).all()
        assert worker.statistics().shared_held == 0


async def test_a_view_that_is_kept_never_changes(house):
    async with house.workers.start(foreign(shared=2**20)) as worker:
        assert await worker.call("same_memory", x=numpy.zeros(50_000))
        for n in range(10):  # more than fits: the later ones travel inside their messages
            await worker.call("keep", x=numpy.full(50_000, float(n)))
        assert await worker.call("kept_values") == [float(n) for n in range(10)]
        assert worker.statistics().shared_held >= 800_000
        assert "read-only" in await raised(worker.call("write_to", x=numpy.zeros(50_000)), WorkerError)
        assert "WRITEABLE" in await raised(worker.call("writeable", x=numpy.zeros(50_000)), WorkerError)


async def test_what_the_daemon_got_does_not_change_either(house):
    async with house.workers.start(foreign(shared=2**20)) as worker:
        got = [await worker.call("echo", x=numpy.full(50_000, float(n))) for n in range(8)]
    assert [float(each[0]) for each in got] == [float(n) for n in range(8)]


async def test_a_message_over_the_limit_is_refused_on_both_sides(house):
    async with house.workers.start(foreign(max_message=2**16, shared=0)) as worker:
        assert "over its max_message" in await raised(worker.call("echo", x=b"x" * 70_000), UsageError)
        assert "over max_message" in await raised(worker.call("huge", size=70_000), WorkerError)
        assert await worker.call("add", a=1, b=2) == 3


# -- ill behaved ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_a_worker_that_dies_in_the_middle_fails_its_call_alone(house, kind):
    async with house.workers.start(foreign(**kind)) as worker:
        said = await raised(worker.call("die", signum=int(signal.SIGKILL)))
        assert "killed by SIGKILL" in said
        assert "had not answered die" in said
        assert worker.state is WorkerState.FAILED
    await wait_until_async(lambda: [kind for kind, _ in house.events] == ["worker.lost"])
    async with house.workers.start(foreign(**kind)) as worker:
        assert "exit code 3" in await raised(worker.call("leave", code=3))


async def test_what_it_said_last_is_in_the_hint(house):
    async with house.workers.start(foreign()) as worker:
        with pytest.raises(WorkerLost, match="exit code 4") as caught:
            await worker.call("mumble", text="no more paper")
        assert caught.value.hint == "it said: no more paper"


GARBAGE = {
    "no MessagePack": b"\xc1" * 64,
    "no message": b"\x01\x02\x03",
    "a length of 4 GB": b"\x94\x01\x01\xc0\xc6\xff\xff\xff\xff" + b"x" * 64,
    "four billion elements": b"\xdd\xff\xff\xff\xff",
    "an answer to nothing": encode(Reply(99, None, 1)),
    "memory that it never had": encode(Notice("_free", {"at": [0]})),
    "memory given back in no form": encode(Notice("_free", {"at": 7})),
    "an array outside": encode(Reply(2, None, msgpack.ExtType(2, msgpack.packb(["<f8", [65535], 2**26])))),
    "a http server": b"HTTP/1.1 200 OK\r\n\r\n",
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_ends_the_worker_and_nobody_else(house, data):
    async with house.workers.start(foreign()) as good, house.workers.start(foreign()) as bad:
        said = await raised(bad.call("send_raw", data=data))
        assert "it " in said
        assert "had not answered send_raw" in said
        assert bad.ending.signal == signal.SIGKILL
        assert await good.call("add", a=1, b=2) == 3


@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_that_is_not_answered_in_time_is_an_error_and_the_end_of_the_worker(house, kind):
    async with house.workers.start(foreign(grace=0.1, **kind)) as worker:
        said = await raised(worker.call("hang", timeout=0.1), DeadlineExceeded)
        assert "did not answer hang within 0.1 s" in said
        assert worker.name in said
        ending = await worker.wait_ended()
        assert ending.reason == "nobody waited for hang any more, and it went on"
        assert ending.signal == signal.SIGKILL


async def test_a_call_that_is_cancelled_is_told_so_and_the_worker_lives(house):
    heard = []
    async with house.workers.start(
        foreign(grace=PATIENCE), listen=lambda *told: heard.append(told)
    ) as worker:
        with trio.move_on_after(0.1):
            await worker.call("patient")
        assert worker.state is WorkerState.BUSY
        assert await worker.call("add", a=1, b=2) == 3
        assert heard == [("gave_up", {})]


async def test_a_call_that_is_cancelled_and_goes_on_is_killed(house):
    async with house.workers.start(foreign(grace=0.1)) as worker:
        with trio.move_on_after(0.1):
            await worker.call("hang")
        assert (await worker.wait_ended()).signal == signal.SIGKILL


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_that_it_started_is_left(house, kind, tmp_path):
    mark = f"grandchild-{os.getpid()}-{tmp_path.name}"

    def alive():
        return [p for p in Path("/proc").glob("[0-9]*/cmdline") if mark in _text(p)]

    async with house.workers.start(foreign(**kind)) as worker:
        await worker.call("grandchildren", mark=mark)
        await wait_until_async(lambda: len(alive()) == 2)
    assert alive() == []
    async with house.workers.start(foreign(**kind)) as worker:
        await worker.call("grandchildren", mark=mark)
        await wait_until_async(lambda: len(alive()) == 2)
        worker.kill("enough")
        assert (await worker.wait_ended()).reason == "enough"
        assert alive() == []


def _text(path):
    try:
        return path.read_text()
    except OSError:
        return ""


async def test_a_flood_of_output_is_cut_and_the_worker_still_answers(house, caplog):
    caplog.set_level(logging.INFO)
    async with house.workers.start(foreign()) as worker:
        await worker.call("printed", lines=100_000)
        assert await worker.call("add", a=1, b=2) == 3
        await wait_until_async(lambda: worker.statistics().lines_left_out > 50_000)
    lines = [record.getMessage() for record in caplog.records if "line " in record.getMessage()]
    assert len(lines) < 2000
    assert any("lines left out" in record.getMessage() for record in caplog.records)


async def test_output_can_go_to_a_file(house, tmp_path):
    async with house.workers.start(foreign(output=str(tmp_path / "out"))) as worker:
        await worker.call("printed", lines=3)
    assert (tmp_path / "out").read_text() == "line 0\nline 1\nline 2\n"


@pytest.mark.parametrize("warm", [(), ("foreign",)])
async def test_limits_are_held_and_named(house, warm):
    def spec(**limits):
        return foreign(warm=warm, **limits)

    async with house.workers.start(spec(memory=200 * 2**20)) as worker:
        assert "more memory than it may" in await raised(worker.call("eat", size=400 * 2**20))
    async with house.workers.start(spec(cpu_time=1)) as worker:
        assert "more processor time than it may" in await raised(worker.call("burn"))
    async with house.workers.start(spec(processes=5)) as worker:
        assert "more processes than it may" in await raised(worker.call("breed", count=20))
    async with house.workers.start(spec(files=50)) as worker:
        assert "Too many open files" in await raised(worker.call("open_files", count=100), WorkerError)


async def test_a_worker_that_kills_its_keeper_is_ended_all_the_same(house, tmp_path):
    for warm in ((), ("foreign",)):
        mark = f"left-{os.getpid()}-{len(warm)}"
        async with house.workers.start(foreign(warm=warm, env={"MARK": mark})) as worker:
            assert "its keeper died" in await raised(worker.call("kill_keeper"))
        await wait_until_async(lambda mark=mark: not carrying(mark))


async def test_a_worker_that_never_comes_up_is_given_up(house, tmp_path):
    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(60)\n")
    spec = foreign(target="slow_to_import", path=(str(tmp_path),), start_timeout=0.3)
    with pytest.raises(WorkerLost, match=r"was not ready within 0\.3 s"):
        async with house.workers.start(spec):
            pass
    await wait_until_async(lambda: house.house.statistics().workers == 0)


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        ({"python": "/nonexistent/python"}, UsageError, "cannot run workers"),
        ({"python": "/bin/true"}, UsageError, "cannot run workers"),
        ({"cwd": "/nonexistent"}, WorkerLost, "cannot enter /nonexistent: No such file"),
        ({"output": "/nonexistent/out"}, WorkerLost, "cannot open output /nonexistent/out: No such file"),
        ({"warm": ("absent_module",)}, WorkerLost, r"template-tests-\d+ ended: it left with exit code 1"),
        ({"user": "nobody-of-that-name"}, UsageError, "there is no user"),
    ],
)
async def test_what_cannot_start_says_why(house, spec, error, words):
    with pytest.raises(error, match=words):
        async with house.workers.start(foreign(**spec)):
            pass


# -- walls ---------------------------------------------------------------------------------------


@needs_bwrap
@pytest.mark.parametrize("warm", [(), ("foreign",)])
async def test_an_isolated_worker_sees_nothing_of_the_machine(house, tmp_path, warm):
    (readable := tmp_path / "read").mkdir()
    (writable := tmp_path / "write").mkdir()
    spec = foreign(
        sandbox="isolated", warm=warm, read=(str(readable),), write=(str(writable),), env={"A": "1"}
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        async with house.workers.start(spec) as worker:
            around = await worker.call("surroundings")
            assert len(around["pids"]) < 8
            assert around["env"]["A"] == "1"
            assert "PYTHONPATH" not in around["env"]
            assert not await worker.call("sees", path="/etc/passwd")
            assert not await worker.call("sees", path=str(tmp_path.parent.parent / "absent"))
            assert not await worker.call("sees", path="/root/.bashrc")
            assert not await worker.call("sees", path=f"/proc/{os.getpid()}/cwd")
            assert await worker.call("sees", path=str(readable))
            assert not await worker.call("can_make", path=f"{readable}/x")
            await worker.call("can_make", path=f"{tmp_path}/x")  # in a /tmp of its own
            assert await worker.call("can_make", path=f"{writable}/x")
            assert await worker.call("connects", port=server.getsockname()[1]) != ""
    assert (writable / "x").exists()
    assert not (tmp_path / "x").exists()


@needs_bwrap
async def test_a_worker_with_net_reaches_it_and_still_sees_no_homes(house):
    with socket.create_server(("127.0.0.1", 0)) as server:
        async with house.workers.start(foreign(sandbox="isolated+net")) as worker:
            assert await worker.call("connects", port=server.getsockname()[1]) == ""
            assert not await worker.call("sees", path="/etc/passwd")


async def test_a_sandbox_that_cannot_be_had_is_refused_and_not_lowered():
    poor = Levels(
        Means("bubblewrap", "", "bubblewrap is not installed", "apt install bubblewrap"),
        Means("Landlock", "", "the kernel has no Landlock", "take another"),
        Means("seccomp", "x86_64"),
    )
    async with running(probe=lambda: poor) as house:
        with pytest.raises(Refused, match=r"'isolated' cannot be had .*: bubblewrap is not installed"):
            async with house.workers.start(foreign(sandbox="isolated")):
                pass
        with pytest.raises(Refused):
            async with house.workers.keep(1, foreign(sandbox="isolated+net")):
                pass


# -- pools ---------------------------------------------------------------------------------------

QUICK = Restart(when="always", first_delay=0.01, max_delay=0.02, burst=100)


async def test_a_pool_replaces_what_dies_and_spreads_the_calls(house):
    async with house.workers.keep(2, foreign(warm=("foreign",), cpus=1), restart=QUICK) as pool:
        pids = set()

        async def look():
            pids.add((await pool.call("surroundings"))["pid"])
            await pool.call("add", a=1, b=2)

        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(look)
        assert await pool.wait_for(WorkerState.READY) is WorkerState.READY
        await raised(pool.call("die", signum=int(signal.SIGKILL)))
        await raised(pool.call("hang", timeout=0.05), DeadlineExceeded)
        assert [await pool.call("add", a=n, b=0) for n in range(5)] == list(range(5))
        assert len(house.ledger.held) == 2
        assert house.ledger.granted == 2  # held over a replacement
    assert house.ledger.held == []
    assert pool.state is WorkerState.STOPPED
    with pytest.raises(WorkerLost, match="was stopped"):
        await pool.call("add", a=1, b=2)


async def test_a_pool_that_cannot_come_up_gives_up_and_says_why(house):
    once = Restart(when="always", first_delay=0.01, max_delay=0.01, burst=2)
    async with house.workers.keep(1, foreign(target="absent"), restart=once) as pool:
        said = await raised(pool.call("add", a=1, b=2))
        assert "gave up after 2 restarts" in said
        assert "ModuleNotFoundError" in said
        assert pool.state is WorkerState.FAILED
    await wait_until_async(lambda: "worker.failed" in [kind for kind, _ in house.events])


# -- the end of the daemon -----------------------------------------------------------------------


def start(command):
    return subprocess.Popen(command, stdout=subprocess.PIPE)


@pytest.mark.parametrize("kind", KINDS)
async def test_workers_go_with_the_daemon_that_is_killed(kind, tmp_path):
    mark = f"orphan-{os.getpid()}-{tmp_path.name}"
    code = f"""
import trio
from tests.workers.house import foreign, running
async def main():
    async with running() as house:
        async with house.workers.start(foreign(**{kind!r}, env={{"MARK": {mark!r}}})) as worker:
            await worker.call("grandchildren", mark={mark!r})
            print("up", flush=True)
            await trio.sleep_forever()
trio.run(main)
"""
    with start([sys.executable, "-c", code]) as process:
        assert await trio.to_thread.run_sync(process.stdout.readline) == b"up\n"
        assert carrying(mark)
        process.kill()
    await wait_until_async(lambda: not carrying(mark), PATIENCE)
