"""The queue in Redis, with a real redis-server: nothing that was popped is lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from labd_wkr import settling
from labd_wkr.redis_queue import ReliableQueue
from running import PATIENCE, env, free_ports, until
from wkr_serving.client.helper import RedisHandler, get_redis_connection

redis = pytest.importorskip("redis", reason="the package redis is not installed")
SERVER = shutil.which("redis-server")
pytestmark = pytest.mark.skipif(SERVER is None, reason="redis-server (Debian: redis-server) is not installed")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    [port] = free_ports(1)
    words = [str(SERVER), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    folder = tmp_path_factory.mktemp("redis")
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL) as process:

        def answers() -> bool:
            try:
                return bool(get_redis_connection("127.0.0.1", port).ping())
            except redis.ConnectionError:
                return False

        until(answers)
        yield port
        process.terminate()


@pytest.fixture
def client(port: int):
    client = get_redis_connection("127.0.0.1", port)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def handler(client, port, monkeypatch):
    monkeypatch.setattr(settling, "_takers", [])
    handler = RedisHandler("Q", "127.0.0.1", port)
    yield handler
    handler.close()


def left(client, key: str = "Q") -> list[object]:
    return [json.loads(each) for each in client.lrange(key, 0, -1)]


def test_the_newest_comes_first_as_ever(handler):
    for number in range(3):
        handler.push({"n": number})
    assert [handler.pop()["n"] for _ in range(3)] == [2, 1, 0]
    assert handler.pop() is None
    handler.set("k", "v")
    assert handler.client.get("k") == b"v"


def test_what_was_popped_is_done_at_the_next_pop(handler, client):
    handler.push({"n": 1})
    handler.pop()
    assert len(client.keys("Q:taken:*")) == 1
    handler.pop()
    assert client.keys("Q:taken:*") == []


def test_other_queues_and_other_databases(client, port):
    handler = RedisHandler("Q", "127.0.0.1", port, db=1)
    handler.push({"n": 1}, custom_queue="other")
    assert handler.pop() is None
    assert handler.pop(custom_queue="other") == {"n": 1}
    handler.close()
    assert client.keys("*") == []


def test_work_that_raises_gives_its_job_back_and_the_third_time_aside(client, port, monkeypatch):
    monkeypatch.setattr(settling, "_held", True)
    monkeypatch.setattr(settling, "_takers", [])
    handler = RedisHandler("Q", "127.0.0.1", port)
    handler.push({"n": 1})
    for _ in range(2):
        assert handler.pop() == {"n": 1}
        settling.settle(done=False)
        assert left(client) == [{"n": 1}]
    handler.pop()
    settling.settle(done=False)
    assert (left(client), left(client, "Q:failed")) == ([], [{"n": 1}])
    handler.close()


def test_what_is_no_json_is_named_and_not_lost(handler, client):
    client.rpush("Q", "{")
    with pytest.raises(ValueError):
        handler.pop()
    handler.settle(done=False)
    assert client.lrange("Q", 0, -1) == [b"{"]


def test_of_two_who_recover_one_has_it(client):
    dead = ReliableQueue(client, "Q")
    dead._me = dead._me.rpartition("/")[0] + "/999999999-1-dead"
    dead._mine = f"Q:taken:{dead._me}"
    client.sadd("Q:takers", dead._me)
    client.rpush(dead._mine, b"job")
    one = ReliableQueue(client, "Q")
    taken = dead._mine
    one._return(taken, b"job")
    one._return(taken, b"job")
    assert client.lrange("Q", 0, -1) == [b"job"]


def test_who_is_elsewhere_lives_as_long_as_its_sign(client):
    queue = ReliableQueue(client, "Q")
    client.sadd("Q:takers", "elsewhere/1-2-x")
    client.rpush("Q:taken:elsewhere/1-2-x", b"job")
    client.set("Q:alive:elsewhere/1-2-x", 1)
    assert queue.recover() == 0
    client.delete("Q:alive:elsewhere/1-2-x")
    assert queue.recover() == 1
    assert queue.take() == b"job"
    assert queue.done(b"job")
    assert not queue.done(b"job")
    queue.close()


PROGRAM = """
import sys, time
from wkr_serving.client.helper import RedisHandler
handler = RedisHandler("Q", "127.0.0.1", int(sys.argv[1]))
job = handler.pop()
print(job, flush=True)
if sys.argv[2] == "wait":
    time.sleep(600)
if sys.argv[2] == "raise":
    raise SystemError("trouble")
"""


def program(port: int, how: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(port), how], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, env=env(),
    )  # fmt: skip


def test_what_a_killed_program_had_comes_back(handler, client, port):
    handler.push({"n": 1})
    for _ in range(2):
        with program(port, "wait") as process:
            assert process.stdout.readline() == "{'n': 1}\n"
            assert left(client) == []
            os.kill(process.pid, signal.SIGKILL)
    assert handler.pop() == {"n": 1}


@pytest.mark.parametrize(("how", "remains"), [("well", []), ("raise", [{"n": 1}])])
def test_a_program_that_ends_well_is_done_and_one_that_raises_is_not(handler, client, port, how, remains):
    handler.push({"n": 1})
    with program(port, how) as process:
        process.wait(PATIENCE)
    assert left(client) == remains
    assert client.keys("Q:taken:*") == []


def test_killed_in_a_loop_every_job_is_done(client, port, tmp_path: Path):
    worker = """
import sys, time
from wkr_serving.client.helper import RedisHandler
handler = RedisHandler("Q", "127.0.0.1", int(sys.argv[1]))
while (job := handler.pop()) is not None:
    handler.client.sadd("done", job["n"])
    time.sleep(0.002)
"""
    for number in range(200):
        client.rpush("Q", json.dumps({"n": number}))
    client.hset("none", "x", 1)
    for _ in range(6):
        with subprocess.Popen([sys.executable, "-c", worker, str(port)], env=env()) as process:
            before = client.scard("done")
            until(lambda before=before: client.scard("done") > before + 5)
            process.kill()
    subprocess.run([sys.executable, "-c", worker, str(port)], env=env(), check=True, timeout=PATIENCE)
    assert client.scard("done") == 200
