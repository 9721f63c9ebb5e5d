"""Maps in a real daemon: workers and the daemon are killed in the middle, and every result is there once."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from labd.client import CallFailed, Client, Executor, MapFailed, UsageError
from tests.daemon_process import DaemonProcess, carrying
from tests.support import wait_until

pytestmark = pytest.mark.real

WORK = """
import os, sys, time
import labd.worker

def note(x, file, pause=0.001):
    fd = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, b"%d %d\\n" % (x, os.getpid()))
    os.close(fd)
    time.sleep(pause)
    return x * 2

def odd(x):
    if x == 1:
        print("about to divide")
        return x / 0
    if x == 2:
        return {x}
    if x == 3:
        os._exit(7)
    return x

def hang(x):
    if x == 1:
        while True:
            try:
                time.sleep(60)
            except BaseException:
                pass
    return x

def late(x):
    if x == 1:
        time.sleep(60)
    return x

def last(x):
    print("about to leave", x)
    if x == 2:
        sys.stdout.flush()
        os._exit(3)
    return x

def rows(name):
    with open(labd.worker.data(name)) as file:
        return file.read()

def version(nothing):
    from helper import VERSION
    return VERSION
"""
CALLS = 2000


@pytest.fixture
def daemon(make_daemon):
    found = make_daemon(cores=2)
    Path(found.folder, "work").mkdir()
    Path(found.folder, "work", "maptasks.py").write_text(WORK)
    return found.start()


def options(daemon: DaemonProcess) -> dict[str, object]:
    return {
        "cwd": f"{daemon.folder}/work",
        "path": [],
        "env": {"PATH": os.defpath, "IN": daemon.folder, "XDG_CACHE_HOME": f"{daemon.folder}/cache"},
    }


def worker(effects: Path) -> int:
    """A process that makes calls now."""
    return int(effects.read_text().split()[-1])


def check(results: list[dict[str, object]], effects: Path) -> None:
    """Every result is there once, and whatever ran twice is marked."""
    assert sorted(r["index"] for r in results) == list(range(CALLS))
    assert all(r["result"] == 2 * r["index"] for r in results)
    ran = Counter(int(line.split()[0]) for line in effects.read_text().splitlines())
    attempts = {r["index"]: r["attempt"] for r in results}
    assert set(ran) == set(range(CALLS))
    unmarked = {call: (count, attempts[call]) for call, count in ran.items() if count > attempts[call]}
    assert not unmarked
    assert sum(count - 1 for count in ran.values()) <= 1000


def read(daemon: DaemonProcess, number: int) -> list[dict[str, object]]:
    path = Path(daemon.state, "plugins", "fanout", str(number), "results")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_worker_that_is_killed_costs_a_chunk_and_no_result(daemon):
    effects = Path(daemon.folder, "effects")
    with Client(daemon.socket) as client:
        made = client.map("maptasks:note", range(CALLS), kwargs={"file": str(effects)}, **options(daemon))
        for share in (0.2, 0.5):
            wait_until(lambda share=share: made.info()["succeeded"] > share * CALLS)
            os.kill(worker(effects), signal.SIGKILL)
        assert made.results() == [2 * x for x in range(CALLS)]
        assert made.info()["repeated"] > 0
    check(read(daemon, made.id), effects)


def test_a_waiting_client_gets_everything_over_kills_of_the_daemon(daemon):
    effects = Path(daemon.folder, "effects")
    got: list[int] = []
    with Client(daemon.socket) as client:
        made = client.map("maptasks:note", range(CALLS), kwargs={"file": str(effects)}, **options(daemon))
        waiting = threading.Thread(target=lambda: got.extend(made.results()), daemon=True)
        waiting.start()
        for share in (0.1, 0.4, 0.7):
            wait_until(
                lambda share=share: daemon.call("map.show", {"map": 1})["map"]["succeeded"] > share * CALLS
            )
            daemon.kill()
            wait_until(lambda: not carrying(f"IN={daemon.folder}"))
            daemon.start()
        waiting.join(60)
    assert got == [2 * x for x in range(CALLS)]
    check(read(daemon, 1), effects)
    assert any(r["attempt"] > 1 for r in read(daemon, 1))


def test_what_goes_wrong_is_said_on_its_call_and_the_rest_goes_on(daemon):
    with Client(daemon.socket) as client:
        made = client.map("maptasks:odd", range(8), **options(daemon))
        results = {r.index: r for r in made.as_completed()}
        assert [results[i].result for i in (0, 4, 5, 6, 7)] == [0, 4, 5, 6, 7]
        types = {i: results[i].error["type"] for i in (1, 2, 3)}
        assert types == {1: "ZeroDivisionError", 2: "TypeError", 3: "WorkerLost"}
        assert "exit code 7" in results[3].error["message"]
        assert "in odd" in results[1].error["traceback"]
        with pytest.raises(CallFailed, match="call 1: ZeroDivisionError"):
            made.results()
        assert {"index": 1, "text": "about to divide\n"}.items() <= next(made.logs()).items()
        daemon.restart()
        made.retry()
        assert made.wait()["failed"] == 3
        assert all(r.attempt > results[r.index].attempt for r in made.errors())


@pytest.mark.parametrize("function", ["late", "hang"])
def test_a_call_over_its_time_limit_is_ended(daemon, function):
    with Client(daemon.socket) as client:
        made = client.map(f"maptasks:{function}", range(4), time_limit=0.3, **options(daemon))
        results = {r.index: r for r in made.as_completed()}
    assert results[1].error["type"] == "TimeLimit"
    assert [results[i].result for i in (0, 2, 3)] == [0, 2, 3]


def test_code_that_changed_is_never_run_as_it_was(daemon):
    helper = Path(daemon.folder, "work", "helper.py")
    with Client(daemon.socket) as client:
        for version in ("one", "another"):
            helper.write_text(f"VERSION = {version!r}\n")
            made = client.map("maptasks:version", [[]], name="same", modules=["helper"], **options(daemon))
            assert made.results() == [version]


def test_maps_that_cannot_be_are_refused_or_say_why(daemon):
    with Client(daemon.socket) as client:
        with pytest.raises(MapFailed, match="nowhere:f: ModuleNotFoundError"):
            client.map("nowhere:f", [1], **options(daemon)).results()
        with pytest.raises(MapFailed, match="requirements cannot be installed"):
            client.map("maptasks:late", [0], requirements=["./nowhere.whl"], **options(daemon)).results()
        broken = {"spec": {"function": "maptasks:late"}, "arguments": b"[1]\n[1,\n"}
        with pytest.raises(UsageError, match="line 2 of the arguments is no JSON"):
            client.call("map.submit", broken)
        made = client.map("maptasks:late", [1], **options(daemon))
        made.cancel()
        with pytest.raises(MapFailed, match="cancelled"):
            made.results()


def test_an_executor_fans_out(daemon):
    with Client(daemon.socket) as client, Executor(client, **options(daemon)) as executor:
        import operator

        assert list(executor.map(operator.neg, range(5))) == [0, -1, -2, -3, -4]
        futures = [executor.submit(operator.add, i, i) for i in range(50)]
        assert [future.result() for future in futures] == [2 * i for i in range(50)]
        wrong = executor.submit(operator.add, 1, "a")
        assert isinstance(wrong.exception(), CallFailed)
        assert isinstance(executor.submit(operator.add, 1, {2}).exception(), UsageError)


def test_a_script_ships_its_functions_and_asyncio_gets_them_too(daemon):
    script = Path(daemon.folder, "work", "script.py")
    script.write_text(
        "import asyncio, math, labd.aio\n"
        "FACTOR = 2\n"
        "def half(x): return math.floor(x / FACTOR)\n"
        "async def main():\n"
        "    async with labd.aio.Client() as client:\n"
        "        made = await client.map(half, [2, 5])\n"
        "        print(await made.results(), sorted([r.index async for r in made.as_completed()]))\n"
        "asyncio.run(main())\n"
    )
    env = {"LABD_SOCKET": daemon.socket, "PATH": os.defpath}
    done = subprocess.run([sys.executable, str(script)], env=env, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[1, 2] [0, 1]\n", "")


def test_labctl_makes_a_map_and_reads_it(daemon):
    rows = Path(daemon.folder, "rows.csv")
    rows.write_text("x\n0\n4\n1\n")
    words = ["--cwd", f"{daemon.folder}/work", "--clean-env"]
    made = daemon.labctl("map", "maptasks:odd", "--args", str(rows), "--name", "rows", *words)
    assert made.returncode == 1
    assert made.stderr == "Map 1.\nMap 1 failed: 3 of 3 calls done, 1 failed.\n"
    assert sorted(json.loads(line)["index"] for line in made.stdout.splitlines()) == [0, 1, 2]
    assert sorted(daemon.labctl("map", "values", "rows").stdout.split()) == ["0", "4"]
    assert '"about to divide\\n"' in daemon.labctl("map", "logs", "1").stdout
    assert "ZeroDivisionError" in daemon.labctl("map", "errors", "last").stdout
    assert "rows" in daemon.labctl("maps").stdout


def test_a_slow_call_holds_nothing_back(daemon):
    """What is done of a chunk is told of while the chunk goes on."""
    effects = Path(daemon.folder, "effects")
    with Client(daemon.socket) as client:
        kwargs = {"file": str(effects), "pause": 0.03}
        made = client.map("maptasks:note", range(40), kwargs=kwargs, concurrency=1, **options(daemon))
        began = time.monotonic()
        first = next(made.as_completed())
        assert (first.index, first.attempt) == (0, 1)
        assert time.monotonic() - began < 40 * 0.03
        made.wait()


def test_files_go_along_as_they_were_and_to_isolated_workers_too(daemon):
    work = Path(daemon.folder, "work")
    (work / "in" / "deep").mkdir(parents=True)
    for name, text in (("in/a", "a"), ("in/deep/b", "b" * 3 * 2**20), ("in/empty", "")):
        (work / name).write_text(text)
    names = ["in/a", "in/deep/b", "in/empty"]
    with Client(daemon.socket) as client:
        first = client.map("maptasks:rows", names, data=["in"], **options(daemon))
        (work / "in" / "a").write_text("changed")
        assert first.results() == ["a", "b" * 3 * 2**20, ""]
        again = client.map("maptasks:rows", names[:1], data=["in/*a", "in/empty"], **options(daemon))
        assert again.results() == ["changed"]
        with pytest.raises(UsageError, match="there is no file 'out/\\*'"):
            client.map("maptasks:rows", names, data=["out/*"], **options(daemon))
        with pytest.raises(UsageError, match="is not in"):
            client.map("maptasks:rows", names, data=["../labd.toml"], **options(daemon))
        strange = {"function": "maptasks:rows", "data": {"a": ["0" * 64]}}
        with pytest.raises(UsageError, match="were never put"):
            client.call("map.submit", {"spec": strange, "arguments": b"1\n"})
        for wrong in ("../a", "/a", "a/../b", ""):
            spec = {"function": "maptasks:rows", "data": {wrong: []}}
            with pytest.raises(UsageError):
                client.call("map.submit", {"spec": spec, "arguments": b"1\n"})
        if shutil.which("bwrap"):
            made = client.map("maptasks:rows", names[:1], data=["in"], sandbox="isolated", **options(daemon))
            assert made.results() == ["changed"]
    assert len(os.listdir(f"{daemon.folder}/cache/labd/data")) == 2 + bool(shutil.which("bwrap"))


def test_what_a_call_printed_before_its_worker_died_is_in_the_logs(daemon):
    with Client(daemon.socket) as client:
        made = client.map("maptasks:last", range(4), **options(daemon))
        assert made.wait()["failed"] == 1
        logs = Counter((line["index"], line["attempt"], line["text"]) for line in made.logs())
    assert logs[2, 1, "about to leave 2\n"] == 1
    assert logs[2, 2, "about to leave 2\n"] == 1
    assert {index for index, _, _ in logs} == {0, 1, 2, 3}
    wait_until(lambda: not os.listdir(f"{daemon.folder}/cache/labd/said"))


def test_a_map_that_takes_every_core_lets_a_job_pass(daemon):
    effects = Path(daemon.folder, "effects")
    with Client(daemon.socket) as client:
        kwargs = {"file": str(effects), "pause": 0.02}
        made = client.map("maptasks:note", range(100_000), kwargs=kwargs, **options(daemon))
        wait_until(lambda: made.info()["workers"] == 2)
        job = daemon.shell("true", cpus=2)
        wait_until(lambda: daemon.job(job)["state"] == "succeeded")
        before = made.info()["succeeded"]
        assert made.info()["state"] == "running"
        wait_until(lambda: made.info()["succeeded"] > before)
        made.cancel()


def test_of_maps_with_one_name_the_newest_is_meant_and_a_conflict_is_said(daemon):
    with Client(daemon.socket) as client:
        for start in (0, 10):
            client.map("maptasks:odd", [start], name="twice", **options(daemon)).wait()
        assert client.get("twice").results() == [10]
        folder = Path(daemon.folder, "wheels")
        for version in ("1.0", "2.0"):
            wheel(folder, "nothing", version)
        wanted = ["--no-index", f"--find-links {folder}", "nothing==1.0", "nothing==2.0"]
        made = client.map("maptasks:odd", [0], requirements=wanted, **options(daemon))
        with pytest.raises(MapFailed, match=r"Cannot install nothing==1\.0 and nothing==2\.0"):
            made.results()
        assert made.info()["error"]["type"] == "RequirementsError"
        assert client.map("maptasks:odd", [0], **options(daemon)).results() == [0]


def wheel(folder, name, version):
    """A distribution without any code."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as made:
        made.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        made.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        made.writestr(f"{info}/RECORD", "")
