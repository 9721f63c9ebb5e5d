from labd.plugins.serving.item import OVER
from labd.plugins.serving.queue import SLACK, Queue
from tests.plugins.serving.parts import item


def filled(*items):
    queue = Queue()
    for each in items:
        queue.put(each)
    return queue


def test_requests_leave_in_the_order_of_their_arrival():
    items = [item(arrived=n)[0] for n in range(5)]
    queue = filled(*items)
    assert queue.take(3) == items[:3]
    assert queue.take(3) == items[3:]
    assert queue.take(3) == []


def test_only_requests_of_one_key_go_together_and_the_oldest_key_goes_first():
    a, b, c = item(key="a")[0], item(key="b", arrived=1)[0], item(key="a", arrived=2)[0]
    queue = filled(a, b, c)
    assert queue.take(16) == [a, c]
    assert queue.take(16) == [b]


def test_rows_bound_a_batch_and_a_request_is_not_passed_by_a_smaller_one():
    big, small = item(rows=3)[0], item(rows=1, arrived=2)[0]
    queue = filled(item(rows=2)[0], big, small)
    assert [each.rows for each in queue.take(4)] == [2]
    assert queue.take(4) == [big, small]


def test_a_high_priority_passes_what_came_a_little_before():
    low, high = item(arrived=0.0, priority=50)[0], item(arrived=1.0, priority=1)[0]
    assert filled(low, high).take(1) == [high]


def test_nobody_is_passed_for_ever():
    old, high = item(arrived=0.0, priority=50)[0], item(arrived=60.0, priority=1)[0]
    assert filled(old, high).take(1) == [old]


def test_levels_of_one_key_share_a_batch():
    low, high = item(arrived=0.0, priority=50)[0], item(arrived=1.0, priority=1)[0]
    assert filled(low, high).take(2) == [high, low]


def test_who_left_is_not_counted_and_never_taken():
    first, second = item()[0], item(arrived=1)[0]
    queue = filled(first, second)
    first.state = OVER
    queue.drop(first)
    assert (queue.count, queue.rows, queue.size) == (1, 1, 4)
    assert queue.first() is second
    assert queue.take(9) == [second]


def test_who_goes_alone_goes_first():
    alone, other = item(arrived=5)[0], item(arrived=0)[0]
    queue = filled(other)
    alone.alone = True
    queue.put_back([alone])
    assert queue.first() is alone
    assert queue.take(16) == [alone]
    assert queue.take(16) == [other]


def test_places_of_those_who_left_do_not_fill_the_memory():
    queue = filled(item(key="stays")[0])
    for n in range(10 * SLACK):
        one = item(arrived=n)[0]
        queue.put(one)
        one.state = OVER
        queue.drop(one)
    places = sum(len(lane) for levels in queue._lanes.values() for lane in levels.values())
    assert places <= SLACK + 2
    assert len([*queue]) == queue.count == 1
