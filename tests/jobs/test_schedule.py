"""Who starts next: priority, fair shares, age, what fits, and never to the delay of the first in line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labd.jobs import schedule
from labd.jobs.schedule import Key, Line, Quota, holder
from labd.resources.devices import Device
from labd.resources.ledger import MILLI, Capacity, Ledger, Request

CORES = Capacity(4 * MILLI, 100, gpus=(0, 1))


class Machine:
    """A line and a ledger with a shorthand for jobs."""

    def __init__(self, capacity: Capacity = CORES, quota: Quota | None = None) -> None:
        self.used: dict[int, float] = {}
        self.line, self.ledger = Line(quota, lambda user: self.used.get(user, 0.0)), Ledger(capacity)

    def submit(self, job, cores=1, priority=0, user=1, group="", **more):
        self.line.add(job, priority, Key(user, group, Request(int(cores * MILLI), **more)))

    def start(self):
        return [start.job for start in self.line.plan(self.ledger)]

    def end(self, job):
        self.ledger.release(holder(job))
        self.line.ended(job)


def test_a_decision_looks_at_each_kind_of_job_once_or_twice():
    asked = []
    line, ledger = Line(share=lambda user: asked.append(user) or 0.0), Ledger(CORES)
    for job in range(1, 301):
        line.add(job, 0, Key(1, "", Request(MILLI, job)))
    assert [start.job for start in line.plan(ledger)] == [1, 2, 3, 4]
    assert len(asked) < 3 * 300


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
    m.line.discard(1)
    assert 1 not in m.line
    assert m.start() == [2]


def test_a_service_that_holds_resources_for_good_is_reckoned_with():
    m = Machine()
    m.ledger.take_nowait("model", Request(2 * MILLI))
    m.submit(1, cores=2)
    m.start()
    m.submit(2, cores=2)
    m.submit(3, cores=0.5)
    assert m.start() == []


GPUS = (
    st.integers(0, 2).map(lambda count: {"gpus": count})
    | st.integers(1, 999).map(lambda share: {"share": share})
    | st.integers(1, 24).map(lambda vram: {"vram": vram})
)
SHARED = Capacity(4 * MILLI, 100, (0, 1), (Device(0, 0, memory=24), Device(1, 1, memory=24)))
jobs = st.tuples(st.integers(1, 4), st.integers(-1, 1), GPUS)


@settings(max_examples=200)
@given(st.lists(st.one_of(jobs, st.integers(0, 10)), max_size=40))
def test_no_job_that_fits_waits_without_a_first_in_line_and_the_first_is_never_delayed(steps):
    m, number, alive, started_at = Machine(SHARED), 0, [], {}
    for moment, step in enumerate(steps):
        if isinstance(step, tuple):
            number += 1
            m.submit(number, step[0], step[1], **step[2])
        elif alive:
            m.end(alive.pop(step % len(alive)))
        for job in m.start():
            alive.append(job)
            started_at[job] = moment
        head = schedule._Order(m.line._rank, m.line._heaps).first()
        assert head is None or m.ledger.missing(m.line._waiting[head].key.request)
    while alive:
        m.end(alive.pop())
        alive.extend(m.start())
    assert len(m.line) == 0


def test_a_job_whose_gpu_is_away_holds_up_nobody():
    away = Device(1, 1, health="gone", why="fell off the bus")
    m = Machine(Capacity(4 * MILLI, 100, (0, 1), (away,)))
    m.submit(1, gpus=2)
    m.submit(2, cores=4)
    m.submit(3)
    assert m.start() == [2]
    assert m.line.why(1, m.ledger) == "1 core (0 free)"
    m.end(2)
    assert m.start() == [3]
    assert m.line.why(1, m.ledger) == "2 GPUs (1 free, GPU 1 gone)"
    m.ledger.capacity = CORES
    assert m.start() == [1]


def test_a_part_of_a_gpu_passes_only_where_the_first_in_line_will_not_be():
    m = Machine(SHARED)
    m.submit(1, share=500)
    m.submit(2, gpu_ids=(0,))
    m.submit(3, share=500, gpu_ids=(0,))
    m.submit(4, share=100)
    assert m.start() == [1], "each would be on GPU 0, which job 2 waits for"
    m.submit(5, share=100, gpu_ids=(1,))
    assert m.start() == [5]


def test_parts_of_gpus_count_as_such_in_a_quota():
    m = Machine(SHARED, Quota(gpus=1))
    for job in (1, 2, 3):
        m.submit(job, share=400)
    assert m.start() == [1, 2]
    assert m.line.why(3, m.ledger) == "room under the limit of 1 GPU for one user"
    m.submit(9, user=2, vram=8)
    assert m.start() == [9]


def test_the_cost_of_a_decision_does_not_grow_with_the_queue():
    m = Machine(Capacity(MILLI, 0))
    for job in range(1, 20_001):
        m.submit(job)
    looked = []
    missing = m.ledger.missing
    m.ledger.missing = lambda request: looked.append(request) or missing(request)
    assert m.start() == [1]
    assert len(looked) <= 4


def test_whoever_had_less_goes_first_among_equals():
    m = Machine(Capacity(MILLI, 0))
    m.used = {1: 100.0, 2: 5.0}
    for job, user in ((1, 1), (2, 1), (3, 2)):
        m.submit(job, user=user)
    assert m.start() == [3]
    m.submit(4, user=1, priority=1)
    m.end(3)
    assert m.start() == [4]  # priority comes before shares


def test_shares_converge_when_two_users_always_want_more():
    m, ran, number = Machine(Capacity(MILLI, 0)), {1: 0, 2: 0}, 0
    for _ in range(200):
        number += 2
        m.submit(number, user=1)
        m.submit(number + 1, user=2)
        [job] = m.start()
        user = 1 + job % 2
        ran[user] += 1
        m.used[user] = m.used.get(user, 0.0) + 1.0
        m.end(job)
    assert abs(ran[1] - ran[2]) <= 1


@pytest.mark.parametrize(
    ("quota", "words", "running"),
    [
        (Quota(jobs=2), "room under the limit of 2 running jobs for one user", 2),
        (Quota(cores=3), "room under the limit of 3 cores for one user", 3),
        (Quota(gpus=1), "room under the limit of 1 GPU for one user", 1),
        (Quota(groups={"net": 1}), "a place in the group net (it may run 1 job)", 1),
    ],
)
def test_limits_hold_back_one_and_nobody_else(quota, words, running):
    m = Machine(Capacity(9 * MILLI, 100, gpus=(0, 1, 2)), quota)
    for job in range(1, 5):
        m.submit(job, group="net", gpus=1 if quota.gpus else 0)
    m.submit(9, user=2)
    assert m.start() == [*range(1, running + 1), 9]
    assert m.line.why(running + 1, m.ledger) == words
    m.end(1)
    assert m.start() == [running + 1]


def test_who_waits_for_the_first_in_line_is_told_so():
    m = Machine()
    m.submit(1, cores=1)
    m.start()
    m.submit(2, cores=4)
    m.submit(3, cores=1)
    m.start()
    assert m.line.why(2, m.ledger) == "4 cores (3 free)"
    assert m.line.why(3, m.ledger) == "job 2, which is first in line and would be delayed"
    assert m.line.why(1, m.ledger) == ""


def test_a_job_with_a_new_priority_has_a_new_place():
    m = Machine(Capacity(MILLI, 0))
    m.submit(1)
    m.submit(2)
    m.submit(2, priority=1)
    assert m.start() == [2]
    m.end(2)
    assert m.start() == [1]
