"""One model on two real daemons: the pool passes over the one that is gone, and comes back to it."""

import threading
from pathlib import Path

import pytest

from labd.client import ModelPool
from labd.errors import LabdError
from tests.support import wait_until

numpy = pytest.importorskip("numpy")
pytestmark = pytest.mark.real
HERE = str(Path(__file__).parent)


@pytest.fixture
def daemons(make_daemon):
    found = [make_daemon(cores=4).start() for _ in range(2)]
    for daemon in found:
        spec = {"target": "served:Double", "path": [HERE], "arguments": {"pause": 0.005}}
        daemon.call("model.load", {"model": "m", "spec": spec})
    return found


def asked(daemon):
    return daemon.call("model.stats", {"model": "m"})["models"][0]["succeeded"]


def test_nobody_hears_of_a_server_that_dies_or_stops_and_it_is_asked_again_when_it_is_back(daemons):
    """Each call has its own answer, while one server is killed, comes back, and the other is told to stop."""
    first, second = daemons
    over, wrong, right = threading.Event(), [], []

    def caller(number):
        value = number * 10**6
        while not over.is_set():
            value += 1
            try:
                if int(pool(numpy.array([[value]]), timeout=30).output[0, 0]) == 2 * value:
                    right.append(value)
                else:
                    wrong.append(value)
            except LabdError as error:
                wrong.append(error)

    with ModelPool("m", [first.socket, second.socket], interval=0.1) as pool:
        callers = [threading.Thread(target=caller, args=(n,)) for n in range(4)]
        for each in callers:
            each.start()
        wait_until(lambda: asked(first) > 5 and asked(second) > 5)
        first.kill()
        wait_until(lambda: pool.status()[first.socket]["reason"])
        before = len(right)
        wait_until(lambda: len(right) > before + 20)
        first.start()
        wait_until(lambda: asked(first) > 5)
        second.kill(15)
        before = len(right)
        wait_until(lambda: len(right) > before + 20)
        over.set()
        for each in callers:
            each.join()
    assert wrong == []
    assert len(right) == len(set(right))


def test_a_server_that_is_drained_is_asked_no_more(daemons):
    first, second = daemons
    with ModelPool("m", [first.socket, second.socket], interval=0.1) as pool:
        assert pool.drain(first.socket, timeout=10)
        before = asked(first)
        for value in range(10):
            assert int(pool(numpy.array([[value]])).output[0, 0]) == 2 * value
        assert (asked(first), asked(second)) == (before, 10)
