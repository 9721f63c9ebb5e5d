"""The engine dask on a cluster of processes: whatever of it is killed, every result is there once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

import pytest

from labd.client import Client, MapFailed, NotFound, Refused
from tests.real.dask_cluster import PLUGIN, Cluster, configure, installed, options, wait_until

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not installed(), reason="needs the package distributed"),
]
CALLS = 2000


@pytest.fixture
def house(make_daemon):
    """A daemon, not started yet, and a cluster that it is told of, not started either."""
    daemon = make_daemon(cores=2)
    cluster = Cluster(daemon)
    configure(daemon, f'scheduler = "{cluster.address}"\n')
    yield daemon, cluster
    cluster.close()


def test_the_distribution_passes_its_own_tests():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(PLUGIN)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def check(daemon, number, effects):
    """Every result is there once, and whatever ran twice is marked; how often calls ran again."""
    path = Path(daemon.state, "plugins", "fanout", str(number), "results")
    results = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted(r["index"] for r in results) == list(range(CALLS))
    assert all(r["result"] == 2 * r["index"] for r in results)
    ran = Counter(int(line.split()[0]) for line in effects.read_text().splitlines())
    assert set(ran) == set(range(CALLS))
    attempts = {r["index"]: r["attempt"] for r in results}
    assert {call: count for call, count in ran.items() if count > attempts[call]} == {}
    return sum(count - 1 for count in ran.values())


def begin(daemon, client):
    effects = Path(daemon.folder, "effects")
    made = client.map("dasktasks:note", range(CALLS), kwargs={"file": str(effects)}, **options(daemon))
    return made, effects


def done(daemon):
    return daemon.call("map.show", {"map": 1})["map"]["succeeded"]


def test_the_scheduler_dies_and_comes_back(house):
    daemon, cluster = house
    cluster.start()
    daemon.start()
    with Client(daemon.socket) as client:
        made, effects = begin(daemon, client)
        wait_until(lambda: done(daemon) > CALLS * 0.2)
        cluster.kill("scheduler")
        for number in range(2):
            cluster.wait_gone(f"worker-{number}")
        wait_until(lambda: "does not answer" in made.info()["reason"])
        cluster.start()
        assert made.wait()["succeeded"] == CALLS
    assert check(daemon, 1, effects) == 0
    wait_until(lambda: os.listdir(f"{daemon.folder}/spool") == ["identity"])


def test_labd_and_the_workers_die(house):
    daemon, cluster = house
    cluster.start()
    daemon.start()
    with Client(daemon.socket) as client:
        made, effects = begin(daemon, client)
        for number, share in enumerate((0.2, 0.5)):
            wait_until(lambda share=share: done(daemon) > CALLS * share)
            cluster.kill(f"worker-{number}")
            cluster.start_worker(f"worker-{number}")
            daemon.kill()
            daemon.start()
        assert made.wait()["succeeded"] == CALLS
    assert check(daemon, 1, effects) == 0


def running_shims(daemon):
    return [
        int(json.loads(started.read_text())["pid"])
        for started in Path(daemon.folder, "spool").glob("*/started")
        if not (started.parent / "exit").exists()
    ]


def test_a_task_that_is_killed_with_its_shim_is_repeated_and_says_so(house):
    daemon, cluster = house
    cluster.start(1)
    daemon.start()
    with Client(daemon.socket) as client:
        made, effects = begin(daemon, client)
        wait_until(lambda: done(daemon) > CALLS * 0.3)
        shims = wait_until(lambda: running_shims(daemon))
        for shim in shims:
            os.kill(shim, signal.SIGKILL)
        assert made.wait()["succeeded"] == CALLS
        assert made.info()["repeated"] > 0
    check(daemon, 1, effects)


def test_an_engine_that_is_not_there_is_waited_for_and_then_has_limits_exits_and_cancels(house):
    daemon, cluster = house
    daemon.start()
    with Client(daemon.socket) as client:
        with pytest.raises(NotFound, match="no engine 'slurmy'"):
            client.map("dasktasks:note", [1], **options(daemon) | {"engine": "slurmy"})
        with pytest.raises(Refused, match="gpus = 1"):
            client.map("dasktasks:note", [1], gpus=1, **options(daemon))
        made = client.map("dasktasks:odd", [0, 4], **options(daemon))
        wait_until(lambda: f"{cluster.address} does not answer" in made.info()["reason"])
        cluster.start(1)
        assert made.results() == [0, 4]
        with pytest.raises(MapFailed, match="nowhere:f: ModuleNotFoundError"):
            client.map("nowhere:f", [1], **options(daemon)).results()
        limits = {"memory": 2**28, "time_limit": 1.0}
        made = client.map("dasktasks:odd", range(5), **limits, **options(daemon))
        found = {result.index: result for result in made.as_completed()}
        assert [found[call].result for call in (0, 4)] == [0, 4]
        assert {call: found[call].error["type"] for call in (1, 2, 3)} == {
            1: "WorkerLost", 2: "OutOfMemory", 3: "TimeLimit",
        }  # fmt: skip
        assert "exit code 7" in found[1].error["message"]
        made = client.map("dasktasks:sleep", [0], **options(daemon))
        began = Path(daemon.folder, "work", "began-0")
        wait_until(lambda: began.exists() and began.read_text())
        made.cancel()
        wait_until(lambda: not Path("/proc", began.read_text()).exists())


def test_an_embedded_cluster_is_there_at_once(make_daemon):
    try:
        get_context("spawn").Queue()
    except AttributeError as error:
        pytest.skip(f"the multiprocessing of this Python is broken: {error}")
    daemon = make_daemon(cores=2)
    configure(daemon, "embedded = true\nworkers = 1\n")
    daemon.start()
    with Client(daemon.socket) as client:
        made = client.map("dasktasks:odd", [0, 4, 5], **options(daemon))
        assert made.results() == [0, 4, 5]
        began = time.monotonic()
        daemon.kill(signal.SIGTERM)
        assert time.monotonic() - began < 10
