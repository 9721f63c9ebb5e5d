"""One model on several servers, of which some are full, gone or leaving."""

import threading

import pytest

from labd.client import ModelPool
from labd.client.balance import FIRST_PAUSE, LAST_PAUSE, Place, choose
from labd.errors import BadInput, NotFound, NotReady, Overloaded, Unreachable


class Server:
    """A client of one server, and its model. ``trouble`` is raised instead of answering."""

    def __init__(self, name):
        self.name, self.asked, self.trouble = name, 0, None
        self.view, self.figures = {"state": "ready", "ready_workers": 1}, {"queued": 0, "in_flight": 0}
        self.gate = threading.Event()
        self.gate.set()

    def model(self, name):
        return self

    def __call__(self, value, timeout):
        self.asked += 1
        self.gate.wait(10)
        if self.trouble is not None:
            raise self.trouble
        return self.name, value

    def show(self):
        if isinstance(self.trouble, Unreachable):
            raise self.trouble
        return self.view

    def statistics(self):
        return self.figures

    def close(self):
        pass


@pytest.fixture
def servers():
    return {name: Server(name) for name in "abc"}


@pytest.fixture
def pool(servers):
    with ModelPool("m", "ab", interval=3600, connect=servers.__getitem__) as pool:
        yield pool


@pytest.mark.parametrize(
    "trouble", [Unreachable("gone"), NotReady("loading"), Overloaded("full"), ConnectionError("cut")]
)
def test_another_server_answers_when_one_cannot(pool, servers, trouble):
    servers["a"].trouble = trouble
    assert [pool(n, timeout=5)[0] for n in range(3)] == ["b"] * 3
    assert servers["a"].asked == 1
    assert pool.status()["a"]["reason"]


def test_what_the_model_says_is_not_asked_twice(pool, servers):
    servers["a"].trouble = BadInput("no")
    with pytest.raises(BadInput):
        pool(1)
    assert servers["b"].asked == 0


def test_when_none_can_answer_the_last_error_is_raised(pool, servers):
    for server in servers.values():
        server.trouble = Overloaded("full")
    with pytest.raises(Overloaded):
        pool(1, timeout=0.05)
    servers["b"].trouble = None
    assert pool(1, timeout=5) == ("b", 1)


def test_calls_spread_by_what_waits(pool, servers):
    for server in servers.values():
        server.gate.clear()
    threads = [threading.Thread(target=pool, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    while servers["a"].asked + servers["b"].asked < 6:
        threads[0].join(0.001)
    assert (servers["a"].asked, servers["b"].asked) == (3, 3)
    for server in servers.values():
        server.gate.set()
    for thread in threads:
        thread.join()


def test_a_server_that_drains_gets_nothing_more(pool, servers):
    servers["a"].gate.clear()
    thread = threading.Thread(target=pool, args=(1,))
    thread.start()
    while not servers["a"].asked:
        thread.join(0.001)
    assert not pool.drain("a", timeout=0.01)
    assert pool(2) == ("b", 2)
    servers["a"].gate.set()
    assert pool.drain("a", timeout=10)
    thread.join()
    assert set(pool.status()) == {"b"}
    pool.add("c")
    assert set(pool.status()) == {"b", "c"}
    with pytest.raises(NotFound):
        pool.drain("a")


def test_a_look_tells_what_waits_and_who_is_well(pool, servers):
    place = pool._places[0]
    servers["a"].figures = {"queued": 5, "in_flight": 2}
    pool.look(place)
    assert (place.queued, place.reason) == (7, "")
    assert pool(1) == ("b", 1)
    servers["a"].view = {"state": "failed", "ready_workers": 0, "reason": "no weights"}
    pool.look(place)
    assert pool.status()["a"]["reason"] == "the model is failed no weights"
    servers["a"].trouble = Unreachable("gone")
    pool.look(place)
    assert pool.status()["a"]["reason"] == "gone"


def test_who_fails_is_left_alone_longer_each_time():
    place, now = Place("a", None), 0.0
    assert choose([place], now, set()) is place
    pauses = []
    for _ in range(12):
        place.failed("gone", now)
        assert choose([place], now, set()) is None
        pauses.append(place.away_until - now)
        now = place.away_until
        assert choose([place], now, set()) is place
    assert (pauses[0], pauses[1], pauses[-1]) == pytest.approx((FIRST_PAUSE, 2 * FIRST_PAUSE, LAST_PAUSE))
    place.answered()
    place.failed("gone", now)
    assert place.away_until - now == pytest.approx(FIRST_PAUSE)


def test_the_server_with_most_workers_has_most():
    small, large = Place("s", None), Place("l", None)
    large.workers, large.in_flight, small.in_flight = 4, 3, 1
    assert choose([small, large], 0, set()) is large
    assert choose([small, large], 0, {"l"}) is small
