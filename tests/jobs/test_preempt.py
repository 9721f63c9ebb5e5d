"""Who gives way to the head of the line: the fewest, the weakest, the newest, and never in vain."""

from hypothesis import given
from hypothesis import strategies as st

from labd.jobs.preempt import Candidate, victims
from labd.jobs.schedule import Key, Line, holder
from labd.resources.ledger import MILLI, Capacity, Ledger, Request

CORES = 8


def cores(count: int) -> Request:
    return Request(cores=count * MILLI)


def running(*jobs: tuple[int, int, int]) -> tuple[list[Candidate], Ledger]:
    """Jobs as (id, cores, priority) that hold a machine."""
    ledger = Ledger(Capacity(CORES * MILLI, 0))
    for job, count, _ in jobs:
        ledger.claim(holder(job), cores(count), ())
    return [Candidate(job, holder(job), priority) for job, _, priority in jobs], ledger


def test_the_newest_of_the_weakest_gives_way():
    candidates, ledger = running((1, 4, -1), (2, 2, -1), (3, 2, 0))
    assert [one.job for one in victims(cores(2), 1, candidates, ledger)] == [2]
    assert [one.job for one in victims(cores(4), 1, candidates, ledger)] == [1]
    assert [one.job for one in victims(cores(8), 1, candidates, ledger)] == [2, 1, 3]


def test_equals_do_not_give_way():
    candidates, ledger = running((1, 8, 0))
    assert victims(cores(1), 0, candidates, ledger) == []


def test_nobody_ends_in_vain():
    candidates, ledger = running((1, 4, 0))
    ledger.claim("model", cores(4), ())
    assert victims(cores(5), 1, candidates, ledger) == []


def test_what_ends_already_is_counted_on():
    candidates, ledger = running((1, 4, 0), (2, 4, 0))
    ending = [candidates[0]._replace(ending=True), candidates[1]]
    assert victims(cores(4), 1, ending, ledger) == []
    assert [one.job for one in victims(cores(5), 1, ending, ledger)] == [2]


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(-2, 2)), max_size=6),
    st.integers(1, 8),
    st.integers(-2, 2),
)
def test_it_is_enough_and_not_one_too_many(jobs, wanted, priority):
    kept, free = [], CORES
    for number, (count, weight) in enumerate(jobs, 1):
        if count <= free:
            kept.append((number, count, weight))
            free -= count
    candidates, ledger = running(*kept)
    chosen = victims(cores(wanted), priority, candidates, ledger)
    sizes = {job: count for job, count, _ in kept}
    gained = sum(sizes[one.job] for one in chosen)
    weaker = sum(count for _, count, weight in kept if weight < priority)
    assert bool(chosen) == (free < wanted <= free + weaker)
    assert all(one.priority < priority for one in chosen)
    assert not chosen or free + gained >= wanted
    assert all(free + gained - sizes[one.job] < wanted for one in chosen)


def test_the_line_asks_only_those_that_may_be_asked():
    ledger, line = Ledger(Capacity(2 * MILLI, 0)), Line()
    line.add(1, 0, Key(1, "", cores(1), preemptible=True))
    line.add(2, 0, Key(1, "", cores(1)))
    assert [start.job for start in line.plan(ledger)] == [1, 2]
    line.add(3, 5, Key(2, "", cores(2)))
    assert (list(line.plan(ledger)), line.victims(ledger)) == ([], [])
    line.discard(3)
    line.add(4, 5, Key(2, "", cores(1)))
    assert (list(line.plan(ledger)), line.victims(ledger)) == ([], [1])
    line.ending(1)
    assert line.victims(ledger) == []
