"""Events to listeners: in order, within their credit, resumable, and bounded whoever sleeps."""

import trio
import trio.testing

from labd.daemon.events import RECENT, TRANSIENT, Bus
from tests.daemon.build import event, no_older, talk_to


def seqs(notice):
    return [e["seq"] for e in notice["events"]]


async def test_events_arrive_in_order_and_by_topic(nursery):
    bus = Bus(0, no_older)
    talk = talk_to(nursery, bus=bus)
    answer = (await talk.call("subscribe", topics=["job.*"])).result
    assert (answer["epoch"], answer["seq"]) == ("e1", 0)
    bus.publish([event(1), event(2, "daemon.started"), event(3, "job.failed")])
    assert seqs(await talk.notice("event")) == [1, 3]


async def test_no_more_events_than_credit(nursery):
    bus = Bus(0, no_older)
    talk = talk_to(nursery, bus=bus)
    number = (await talk.call("subscribe", credit=2)).result["subscription"]
    bus.publish([event(n) for n in range(1, 6)])
    assert seqs(await talk.notice("event")) == [1, 2]
    await talk.call("ping")
    assert not talk.inbox
    await talk.tell("credit", subscription=number, events=10)
    assert seqs(await talk.notice("event")) == [3, 4, 5]


async def test_a_listener_resumes_where_it_stopped(nursery):
    bus = Bus(0, no_older)
    bus.publish([event(n) for n in range(1, 6)])
    talk = talk_to(nursery, bus=bus)
    await talk.call("subscribe", since=3, epoch="e1")
    assert seqs(await talk.notice("event")) == [4, 5]


async def test_a_listener_resumes_from_the_log_when_memory_is_too_short(nursery):
    async def older(seq, limit):
        return [event(n) for n in range(seq + 1, min(seq + limit, 10) + 1)]

    bus = Bus(10, older)
    bus.publish([event(11)])
    talk = talk_to(nursery, bus=bus)
    await talk.call("subscribe", since=0, epoch="e1")
    assert seqs(await talk.notice("event")) == list(range(1, 11))
    assert seqs(await talk.notice("event")) == [11]


async def test_a_listener_is_told_of_what_was_removed_from_the_log(nursery):
    async def older(seq, limit):
        return [event(n) for n in range(max(seq + 1, 6), min(seq + limit, 10) + 1)]

    bus = Bus(10, older, first=6)
    bus.publish([event(11)])
    talk = talk_to(nursery, bus=bus)
    await talk.call("subscribe", since=2, epoch="e1")
    lagged = await talk.notice("lagged")
    assert (lagged["first"], lagged["last"]) == (3, 5)
    assert seqs(await talk.notice("event")) == list(range(6, 11))
    assert seqs(await talk.notice("event")) == [11]


async def test_another_epoch_cannot_be_resumed_and_that_is_said(nursery):
    bus = Bus(7, no_older)
    talk = talk_to(nursery, bus=bus)
    await talk.call("subscribe", since=3, epoch="another")
    assert (await talk.notice("lagged"))["first"] == 0


async def test_r16_a_slow_listener_is_told_that_it_lagged_and_costs_nothing(nursery):
    bus = Bus(0, no_older)
    talk = talk_to(nursery, bus=bus)
    number = (await talk.call("subscribe", credit=1)).result["subscription"]
    bus.publish([event(1)])
    await talk.notice("event")
    for n in range(2, RECENT + 100):
        bus.publish([event(n)])
    await talk.tell("credit", subscription=number, events=5)
    lagged = await talk.notice("lagged")
    assert (lagged["first"], lagged["last"]) == (2, 99)
    assert seqs(await talk.notice("event")) == [100, 101, 102, 103, 104]
    assert bus.statistics().recent == RECENT


async def test_passing_notices_have_no_number_and_are_bounded(nursery):
    bus = Bus(0, no_older)
    talk = talk_to(nursery, bus=bus)
    number = (await talk.call("subscribe", credit=0)).result["subscription"]
    await trio.testing.wait_all_tasks_blocked()
    for n in range(TRANSIENT + 50):
        bus.publish_transient(event(0, "job.reported", n=n))
    await talk.tell("credit", subscription=number, events=10_000)
    got = []
    while len(got) < TRANSIENT:
        got += [e["data"]["n"] for e in (await talk.notice("event"))["events"]]
    assert got == list(range(50, TRANSIENT + 50))


async def test_unsubscribe_stops_the_events_and_frees_the_listener(nursery):
    bus = Bus(0, no_older)
    talk = talk_to(nursery, bus=bus)
    number = (await talk.call("subscribe")).result["subscription"]
    assert bus.statistics().listeners == 1
    await talk.call("unsubscribe", subscription=number)
    await trio.testing.wait_all_tasks_blocked()
    assert bus.statistics().listeners == 0
    assert (await talk.call("unsubscribe", subscription=number)).error["code"] == "not_found"


async def test_a_client_that_leaves_is_forgotten(nursery):
    bus = Bus(0, no_older)
    talk = talk_to(nursery, bus=bus)
    await talk.call("subscribe")
    await talk.stream.aclose()
    await trio.testing.wait_all_tasks_blocked()
    assert bus.statistics().listeners == 0


async def test_subscriptions_of_one_client_are_limited(nursery):
    talk = talk_to(nursery)
    for _ in range(32):
        assert (await talk.call("subscribe")).error is None
    assert (await talk.call("subscribe")).error["code"] == "overloaded"


async def test_nonsense_as_credit_is_passed_over(nursery):
    talk = talk_to(nursery)
    await talk.call("subscribe")
    for wrong in ({}, {"subscription": "x"}, {"subscription": 1, "events": "many"}, {"subscription": [1]}):
        await talk.tell("credit", **wrong)
    assert (await talk.call("ping")).result == {}
