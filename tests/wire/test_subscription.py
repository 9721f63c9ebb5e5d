"""The books of a subscription: credit, duplicates, gaps, resuming."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.errors import ProtocolError
from labd.wire.subscription import Range, Subscription


def event(seq: int) -> dict[str, object]:
    return {"seq": seq, "kind": "job.started"}


def begun(window: int = 4, since: int | None = None, seq: int = 0, epoch: str = "e1") -> Subscription:
    feed = Subscription(["job.*"], window, since=since)
    feed.start()
    feed.started({"subscription": 1, "epoch": epoch, "seq": seq, "oldest": 1})
    return feed


def take_all(feed: Subscription) -> list[int]:
    return [feed.take()["seq"] for _ in range(len(feed.ready))]


def test_it_asks_for_its_topics_and_a_window_of_credit():
    feed = Subscription(["job.*"], 4, since=9, epoch="e1")
    assert feed.start() == {"topics": ["job.*"], "since": 9, "epoch": "e1", "credit": 4}


def test_credit_comes_back_when_half_a_window_was_taken():
    feed = begun(window=4)
    assert feed.on_events([event(1), event(2), event(3)]) == 0
    assert (feed.due(), feed.take()["seq"], feed.due(), feed.take()["seq"], feed.due()) == (0, 1, 0, 2, 2)
    assert feed.due() == 0


def test_events_beyond_the_credit_break_the_protocol():
    feed = begun(window=2)
    with pytest.raises(ProtocolError, match="1 events more than it had credit for"):
        feed.on_events([event(1), event(2), event(3)])


def test_what_comes_twice_is_dropped_and_its_credit_given_back():
    feed = begun(window=10)
    feed.on_events([event(1), event(2)])
    assert feed.on_events([event(2), event(3)]) == 1
    assert take_all(feed) == [1, 2, 3]
    assert feed.statistics() == (3, 1, 0, 7)


def test_it_resumes_after_the_last_event_received_with_the_credit_that_is_free():
    feed = begun(window=4, seq=5)
    feed.on_events([event(6), event(7)])
    assert feed.resume() == {"topics": ["job.*"], "since": 7, "epoch": "e1", "credit": 2}
    feed.started({"subscription": 9, "epoch": "e1", "seq": 7, "oldest": 1})
    assert feed.on_events([event(7), event(8)]) == 1
    assert take_all(feed) == [6, 7, 8]


def test_before_any_event_it_resumes_from_where_the_daemon_said_it_began():
    assert begun(seq=41).resume()["since"] == 41


def test_a_daemon_with_another_epoch_starts_its_own_numbers():
    feed = begun(seq=100)
    feed.resume()
    feed.started({"subscription": 1, "epoch": "e2", "seq": 3, "oldest": 1})
    feed.on_lagged(0, 3)
    feed.on_events([event(4)])
    assert [each["kind"] for each in feed.ready] == ["lagged", "job.started"]
    assert feed.resume() == {"topics": ["job.*"], "since": 4, "epoch": "e2", "credit": 2}


def test_a_daemon_that_knows_less_than_we_do_is_believed():
    feed = begun(since=100, seq=20)
    feed.on_events([event(21)])
    assert take_all(feed) == [21]


def test_a_gap_is_an_event_in_its_place():
    feed = begun()
    feed.on_events([event(1)])
    feed.on_lagged(2, 50)
    feed.on_events([event(50), event(51)])
    assert [feed.take() for _ in range(3)] == [
        event(1),
        {"seq": 50, "kind": "lagged", "data": {"first": 2, "last": 50}},
        event(51),
    ]
    assert list(feed.lagged) == [Range(2, 50)]


def test_gaps_that_nobody_has_seen_become_one():
    feed = begun()
    for first in range(1, 100_000, 10):
        feed.on_lagged(first, first + 9)
    assert list(feed.ready) == [{"seq": 100_000, "kind": "lagged", "data": {"first": 1, "last": 100_000}}]
    assert list(feed.lagged) == [Range(1, 100_000)]


def test_a_gap_costs_no_credit():
    feed = begun(window=2)
    feed.on_lagged(1, 5)
    feed.take()
    assert feed.due() == 0
    assert feed.on_events([event(6), event(7)]) == 0


MARK = [{"seq": 1, "kind": "lagged"}]  # only the client itself makes these


@pytest.mark.parametrize(
    "events", [None, {}, [1], [{}], [{"seq": "1"}], [{"seq": True}], [event(1), None], MARK]
)
def test_events_that_are_none_are_refused(events):
    with pytest.raises(ProtocolError, match="maps with a seq"):
        begun().on_events(events)


@pytest.mark.parametrize("gap", [(None, 1), (1, None), (5, 4), ("1", "2"), (True, 4)])
def test_a_gap_that_is_none_is_refused(gap):
    with pytest.raises(ProtocolError, match="lagged notice"):
        begun().on_lagged(*gap)


@pytest.mark.parametrize(
    "reply", [None, {}, {"subscription": 1, "epoch": "e"}, {"subscription": "1", "epoch": "e", "seq": 1}]
)
def test_an_answer_to_subscribe_that_is_none_is_refused(reply):
    with pytest.raises(ProtocolError, match="answered subscribe"):
        Subscription().started(reply)


@given(st.integers(1, 20), st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), max_size=40))
def test_any_interleaving_keeps_the_window_and_never_stalls(window, steps):
    """A daemon that sends what it has credit for, and a consumer that takes what it likes."""
    feed = begun(window=window)
    credit, sent, taken = window, 0, []
    for send, take in steps:
        batch = [event(sent + n + 1) for n in range(min(send, credit))]
        sent, credit = sent + len(batch), credit - len(batch) + feed.on_events(batch)
        assert len(feed.ready) <= window
        for _ in range(min(take, len(feed.ready))):
            taken.append(feed.take()["seq"])
            credit += feed.due()
    taken += take_all(feed)
    assert taken == list(range(1, sent + 1))
    assert credit + feed.due() > 0


def test_passing_events_are_delivered_and_move_nothing():
    feed = Subscription(["*"], 10)
    feed.start()
    feed.started({"subscription": 1, "epoch": "e", "seq": 7})
    assert feed.on_events([{"seq": 8}, {"seq": 0, "kind": "job.reported"}, {"seq": 0}, {"seq": 9}]) == 0
    assert [feed.take()["seq"] for _ in range(4)] == [8, 0, 0, 9]
    assert feed.resume()["since"] == 9
