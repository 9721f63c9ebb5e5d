"""The engine dask on a cluster of processes: whatever of it is killed, every result is there once."""

import json
import os
import signal
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

import pytest

from labd.client import Client, MapFailed, NotFound, Refused
from tests.real.dask_cluster import Cluster, configure, installed, options, wait_until

pytestmark = [
    pytest.mark.real,
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


def test_labd_dies_in_the_middle_twice(house):
    daemon, cluster = house
    cluster.start()
    daemon.start()
    with Client(daemon.socket) as client:
        made, effects = begin(daemon, client)
        for share in (0.2, 0.6):
            wait_until(lambda share=share: done(daemon) > CALLS * share)
            daemon.kill()
            daemon.start()
        assert made.wait()["succeeded"] == CALLS
    assert check(daemon, 1, effects) == 0


def test_workers_die_and_others_come(house):
    daemon, cluster = house
    cluster.start()
    daemon.start()
    with Client(daemon.socket) as client:
        made, effects = begin(daemon, client)
        for number, share in enumerate((0.2, 0.5)):
            wait_until(lambda share=share: done(daemon) > CALLS * share)
            cluster.kill(f"worker-{number}")
            cluster.start_worker(f"worker-{number}")
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


def test_an_engine_that_is_not_there_is_said_and_waited_for(house):
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


def test_limits_exits_output_and_cancel_are_those_of_jobs(house):
    daemon, cluster = house
    cluster.start(2)
    daemon.start()
    with Client(daemon.socket) as client:
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
