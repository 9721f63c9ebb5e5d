"""Which calls are still to be made."""

from hypothesis import given
from hypothesis import strategies as st

from labd.plugins.fanout.todo import Todo


def test_calls_are_taken_in_order_and_settled():
    todo = Todo(5)
    assert todo.take(3) == [0, 1, 2]
    assert (todo.left, todo.in_work) == (2, 3)
    todo.settle(0, True)
    todo.settle(1, False)
    assert (todo.good, todo.bad, todo.done, todo.in_work) == (1, 1, 2, 1)
    assert todo.take(9) == [3, 4]
    assert todo.take(9) == []


def test_a_call_that_failed_is_made_again_as_often_as_asked():
    todo = Todo(1)
    for attempt in (1, 2, 3):
        assert todo.take(1) == [0]
        assert todo.attempt(0) == attempt
        assert todo.again(0, retries=2) is (attempt < 3)
    assert todo.repeated == 2


def test_calls_that_were_lost_together_are_made_alone_and_lost_twice_they_are_over():
    todo = Todo(3)
    assert todo.lost(todo.take(3), retries=0) == []
    assert [todo.take(3), todo.take(3)] == [[0], [1]]
    todo.settle(0, True)
    assert todo.lost([1], retries=0) == [1]
    todo.settle(1, False)
    assert todo.take(3) == [2]
    assert todo.attempt(2) == 2


def test_what_a_former_daemon_did_is_not_made_again_and_what_it_began_is_marked():
    todo = Todo(4)
    todo.begun(range(3), 1)
    todo.known(1, True)
    todo.known(1, True)
    todo.known(3, False)
    assert (todo.good, todo.bad) == (1, 1)
    assert todo.take(9) == [0, 2]
    assert (todo.attempt(0), todo.repeated) == (2, 2)


def test_what_was_never_sent_does_not_count_as_begun():
    todo = Todo(2)
    todo.give_back(todo.take(2))
    assert (todo.take(2), todo.attempt(0), todo.repeated) == ([0, 1], 1, 0)


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["settle", "again", "lost", "back"]))))
def test_every_call_ends_once_whatever_happens(steps):
    todo = Todo(20)
    ended: list[int] = []
    for most, what in [*steps, *[(20, "settle")] * 40]:
        calls = todo.take(most)
        if what == "back":
            todo.give_back(calls)
            continue
        over = todo.lost(calls, 1) if what == "lost" else calls
        for call in over:
            if what == "again" and todo.again(call, 1):
                continue
            todo.settle(call, True)
            ended.append(call)
    assert sorted(ended) == list(range(20))
    assert (todo.left, todo.in_work, todo.done) == (0, 0, 20)
