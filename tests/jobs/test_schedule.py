"""Who starts next: priority, age, what fits, and never to the delay of the first in line."""

from hypothesis import given, settings
from hypothesis import strategies as st

from labd.jobs.schedule import Waiting, holder, plan
from labd.resources.ledger import MILLI, Capacity, Ledger, Request

CORES = Capacity(4 * MILLI, 100, gpus=(0, 1))


class Machine:
    """A queue and a ledger with a shorthand for jobs."""

    def __init__(self, capacity: Capacity = CORES) -> None:
        self.waiting, self.ledger, self.running = Waiting(), Ledger(capacity), {}

    def submit(self, job, cores=1, priority=0, **more):
        self.waiting.add(job, priority, Request(int(cores * MILLI), **more))

    def start(self):
        return [start.job for start in plan(self.waiting, self.ledger, self.running)]

    def end(self, job):
        self.ledger.release(holder(job))
        del self.running[holder(job)]


def test_all_that_fits_starts_in_order_of_age():
    m = Machine()
    for job in (1, 2, 3, 4, 5):
        m.submit(job)
    assert m.start() == [1, 2, 3, 4]
    m.end(2)
    assert m.start() == [5]


def test_a_higher_priority_goes_first():
    m = Machine(Capacity(MILLI, 0))
    m.submit(1)
    m.submit(2, priority=5)
    assert m.start() == [2]


def test_a_small_job_passes_a_big_one_only_when_that_costs_the_big_one_nothing():
    m = Machine()
    m.submit(1, cores=3)
    assert m.start() == [1]
    m.submit(2, cores=3)
    m.submit(3, cores=1)
    assert m.start() == [3]  # once 1 has ended, 2 still fits beside 3
    m.submit(4, cores=1)
    m.end(1)
    assert m.start() == [2]  # 4 would have taken the core that 2 needs


def test_a_job_that_needs_everything_is_not_passed_for_ever():
    m = Machine()
    m.submit(1, cores=1)
    m.start()
    m.submit(2, cores=4)
    for job in range(3, 20):
        m.submit(job, cores=1)
    assert m.start() == []
    m.end(1)
    assert m.start() == [2]


def test_a_gpu_by_index_that_the_first_in_line_waits_for_is_kept_for_it():
    m = Machine()
    m.submit(1, gpu_ids=(0,))
    m.start()
    m.submit(2, gpu_ids=(0,))
    m.submit(3, gpus=1)
    assert m.start() == [3]  # it gets the other one
    m.end(1)
    assert m.start() == [2]


def test_a_discarded_job_never_starts():
    m = Machine()
    m.submit(1)
    m.submit(2)
    m.waiting.discard(1)
    assert 1 not in m.waiting
    assert m.start() == [2]


def test_a_service_that_holds_resources_for_good_is_reckoned_with():
    m = Machine()
    m.ledger.take_nowait("model", Request(2 * MILLI))
    m.submit(1, cores=2)
    m.start()
    m.submit(2, cores=2)
    m.submit(3, cores=0.5)
    assert m.start() == []


jobs = st.tuples(st.integers(1, 4), st.integers(-1, 1), st.integers(0, 2))


@settings(max_examples=200)
@given(st.lists(st.one_of(jobs, st.integers(0, 10)), max_size=40))
def test_no_job_that_fits_waits_without_a_first_in_line_and_the_first_is_never_delayed(steps):
    m, number, alive, started_at = Machine(), 0, [], {}
    for moment, step in enumerate(steps):
        if isinstance(step, tuple):
            number += 1
            m.submit(number, step[0], step[1], gpus=step[2])
        elif alive:
            m.end(alive.pop(step % len(alive)))
        for job in m.start():
            alive.append(job)
            started_at[job] = moment
        head = m.waiting.first(set())
        assert head is None or m.ledger.missing(head[1])
    while alive:
        m.end(alive.pop())
        alive.extend(m.start())
    assert len(m.waiting) == 0


def test_the_cost_of_a_decision_does_not_grow_with_the_queue():
    m = Machine(Capacity(MILLI, 0))
    for job in range(1, 20_001):
        m.submit(job)
    looked = []
    missing = m.ledger.missing
    m.ledger.missing = lambda request: looked.append(request) or missing(request)
    assert m.start() == [1]
    assert len(looked) <= 4
