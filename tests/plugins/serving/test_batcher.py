"""The core of batching, in virtual time, and against anything that hypothesis can think of."""

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from labd.api import Answer, DeadlineExceeded, LabdError, ModelFailed, Overloaded, TooLarge, WorkerLost
from labd.plugins.serving.item import OVER
from tests.plugins.serving.parts import Bench


def answers(batch):
    return [Answer("m", "1", "", ()) for _ in batch.items]


def failed():
    return ModelFailed("it raised")


def test_a_lone_request_never_waits():
    bench = Bench(max_batch_size=16)
    bench.ask()
    assert bench.batch().rows == 1


def test_what_came_while_all_were_busy_goes_together():
    bench = Bench(max_batch_size=4)
    for _ in range(6):
        bench.ask()
    assert [bench.batch().rows, bench.batch().rows, bench.batch()] == [4, 2, None]
    assert bench.figures.releases == {}


def test_a_batch_says_why_it_went():
    bench = Bench(max_batch_size=2)
    for _ in range(3):
        bench.ask()
    for _ in range(2):
        batch = bench.batch()
        bench.batcher.succeeded(batch, answers(batch), 1.0)
    assert bench.figures.releases == {"full": 1, "idle": 1}


def test_a_model_may_wait_for_more_but_not_for_longer_than_it_says():
    bench = Bench(max_batch_size=2, max_wait=0.5)
    bench.ask()
    assert bench.batch() is None
    assert bench.batcher.release_at() == 0.5
    bench.now = 0.5
    assert bench.batch().released == "wait"


def test_a_full_batch_does_not_wait():
    bench = Bench(max_batch_size=2, max_wait=0.5)
    bench.ask()
    bench.ask()
    assert bench.batch().released == "full"


def test_the_wait_ends_in_time_for_the_deadline():
    bench = Bench(max_batch_size=9, max_wait=5.0)
    bench.ask(timeout=1.0)
    assert bench.batcher.release_at() == 1.0


def test_every_item_has_its_own_answer():
    bench = Bench()
    first, second = bench.ask(), bench.ask()
    batch = bench.batch()
    one, two = answers(batch)
    bench.batcher.succeeded(batch, [one, two], 0.1)
    assert bench.heard[first] == [one]
    assert bench.heard[second] == [two]


def test_a_deadline_counts_from_the_arrival():
    bench = Bench()
    late, other = bench.ask(timeout=1.0), bench.ask(timeout=3.0)
    assert bench.batcher.soonest == 1.0
    bench.batcher.expire(1.0)
    assert isinstance(bench.heard[late][0], DeadlineExceeded)
    assert bench.heard[other] == []
    assert bench.batcher.soonest == 3.0
    assert bench.batch().items == [other]


def test_what_comes_too_late_is_refused():
    bench = Bench()
    with pytest.raises(DeadlineExceeded):
        bench.ask(timeout=0.0)


def test_the_deadline_holds_while_a_worker_has_it():
    bench = Bench()
    late = bench.ask(timeout=1.0)
    batch = bench.batch()
    bench.batcher.expire(1.0)
    assert "was with a worker" in bench.heard[late][0].message
    bench.batcher.succeeded(batch, answers(batch), 1.5)
    assert len(bench.heard[late]) == 1


def test_who_left_never_reaches_a_worker():
    bench = Bench()
    gone, stays = bench.ask(), bench.ask()
    gone.cancel()
    assert bench.batch().items == [stays]
    assert bench.heard[gone] == []
    assert bench.figures.dropped == 1


def test_who_leaves_while_a_worker_has_it_hears_nothing_and_harms_nobody():
    bench = Bench()
    gone, stays = bench.ask(), bench.ask()
    batch = bench.batch()
    gone.cancel()
    gone.cancel()
    bench.batcher.succeeded(batch, answers(batch), 0.1)
    assert bench.heard[gone] == []
    assert len(bench.heard[stays]) == 1
    assert bench.figures.dropped == 1


def test_a_full_queue_refuses_at_once_and_says_when_to_come_again():
    bench = Bench(max_queue=2)
    bench.ask()
    bench.ask()
    with pytest.raises(Overloaded) as refused:
        bench.ask()
    assert refused.value.data["retry_after"] > 0


def test_bytes_are_bounded_too():
    bench = Bench(max_queue_bytes=10, max_request_bytes=8)
    bench.ask(size=8)
    with pytest.raises(Overloaded):
        bench.ask(size=4)
    with pytest.raises(TooLarge):
        bench.ask(size=9)


def test_one_request_may_be_larger_than_the_queue():
    bench = Bench(max_queue_bytes=10, max_request_bytes=0)
    bench.ask(size=50)
    assert bench.batch().rows == 1


def test_a_failing_batch_is_split_so_that_only_the_guilty_one_fails():
    bench = Bench()
    good, bad, also = bench.ask(), bench.ask(), bench.ask()
    bench.batcher.failed(bench.batch(), failed(), 0.1)
    while (batch := bench.batch()) is not None:
        assert batch.alone
        if batch.items == [bad]:
            bench.batcher.failed(batch, failed(), 0.2)
        else:
            bench.batcher.succeeded(batch, answers(batch), 0.2)
    assert isinstance(bench.heard[bad][0], ModelFailed)
    assert isinstance(bench.heard[good][0], Answer)
    assert isinstance(bench.heard[also][0], Answer)
    assert bench.figures.split == 3


def test_a_model_that_may_not_repeat_fails_the_whole_batch():
    bench = Bench(retries=0)
    asked = [bench.ask(), bench.ask()]
    bench.batcher.failed(bench.batch(), failed(), 0.1)
    assert all(isinstance(bench.heard[one][0], ModelFailed) for one in asked)


def test_what_a_dead_worker_had_goes_once_more_alone():
    bench = Bench()
    deadly, innocent = bench.ask(), bench.ask()
    bench.batcher.lost(bench.batch(), WorkerLost("it died"), 0.1)
    first = bench.batch()
    assert first.items == [deadly]
    bench.batcher.lost(first, WorkerLost("it died"), 0.2)
    assert "lost its worker 2 times" in bench.heard[deadly][0].message
    batch = bench.batch()
    assert batch.items == [innocent]
    bench.batcher.succeeded(batch, answers(batch), 0.3)
    assert isinstance(bench.heard[innocent][0], Answer)


def test_a_batch_that_never_began_is_as_before():
    bench = Bench()
    asked = [bench.ask(), bench.ask()]
    bench.batcher.put_back(bench.batch())
    assert bench.batch().items == asked


def test_everybody_hears_of_the_end():
    bench = Bench(max_batch_size=1)
    running, queued = bench.ask(), bench.ask()
    bench.batch()
    bench.batcher.give_up(failed(), 1.0)
    assert [type(bench.heard[one][0]) for one in (running, queued)] == [ModelFailed] * 2
    assert bench.batch() is None


class Machine(RuleBasedStateMachine):
    """Requests come and leave, workers answer, fail and die, time passes: one outcome for each."""

    def __init__(self):
        super().__init__()
        self.bench = Bench(max_batch_size=4, max_queue=20, max_queue_bytes=100, retries=1)
        self.items, self.left, self.batches = [], set(), []

    @rule(key=st.sampled_from("ab"), rows=st.integers(1, 4), size=st.integers(1, 30),
          timeout=st.floats(0.1, 5), priority=st.integers(1, 100))  # fmt: skip
    def ask(self, **more):
        try:
            self.items.append(self.bench.ask(**more))
        except LabdError:
            pass

    @rule()
    def take(self):
        if (batch := self.bench.batch()) is not None:
            assert batch.rows <= 4
            assert len({each.key for each in batch.items}) == 1
            assert not [each for each in batch.items if each in self.left]
            self.batches.append(batch)

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), how=st.sampled_from(["good", "fail", "die", "never"]))
    def end(self, data, how):
        batch = self.batches.pop(data.draw(st.integers(0, len(self.batches) - 1)))
        core, now = self.bench.batcher, self.bench.now
        if how == "good":
            core.succeeded(batch, answers(batch), now)
        elif how == "fail":
            core.failed(batch, failed(), now)
        elif how == "die":
            core.lost(batch, WorkerLost("it died"), now)
        else:
            core.put_back(batch)

    @precondition(lambda self: self.items)
    @rule(data=st.data())
    def leave(self, data):
        one = data.draw(st.sampled_from(self.items))
        if one.state != OVER:
            self.left.add(one)
        one.cancel()

    @rule(seconds=st.floats(0, 2))
    def pass_time(self, seconds):
        self.bench.now += seconds
        self.bench.batcher.expire(self.bench.now)

    @invariant()
    def each_has_at_most_one_outcome_and_none_after_it_left(self):
        for one in self.items:
            heard = self.bench.heard[one]
            assert len(heard) == (one.state == OVER and one not in self.left)

    @invariant()
    def the_queue_counts_what_is_in_it(self):
        queue = self.bench.batcher.queue
        found = [*queue]
        assert (queue.count, queue.rows, queue.size) == (
            len(found), sum(i.rows for i in found), sum(i.size for i in found),
        )  # fmt: skip
        assert queue.count <= 20 + 4 * len(self.items)

    @invariant()
    def nobody_is_forgotten(self):
        core = self.bench.batcher
        held = {*core.queue} | {i for batch in core.running for i in batch.items}
        assert all(one.state == OVER or one in held for one in self.items)
        live = [one.deadline for one in self.items if one.state != OVER]
        assert core.soonest <= min(live, default=inf)

    def teardown(self):
        """Workers that answer from now on leave nobody without an outcome."""
        for batch in self.batches:
            self.bench.batcher.succeeded(batch, answers(batch), self.bench.now)
        while (batch := self.bench.batch()) is not None:
            self.bench.batcher.succeeded(batch, answers(batch), self.bench.now)
        assert all(one.state == OVER for one in self.items)
        assert self.bench.batcher.empty


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 100)), max_size=30))
def test_the_order_is_by_arrival_and_priority(asked):
    bench = Bench(max_batch_size=1)
    for now, priority in sorted(asked):
        bench.now = now
        bench.ask(priority=priority, timeout=1e6)
    scores = []
    while (batch := bench.batch()) is not None:
        scores.append(batch.items[0].score)
    assert scores == sorted(scores)


def test_who_fails_at_hearing_an_answer_harms_nobody():
    bench = Bench()
    wrong = []
    bench.batcher._defect = wrong.append
    bench.ask(done=lambda outcome: 1 / 0)
    other = bench.ask()
    batch = bench.batch()
    bench.batcher.succeeded(batch, answers(batch), 0.1)
    assert len(bench.heard[other]) == 1
    assert [type(error) for error in wrong] == [ZeroDivisionError]
