"""Jobs come, end, are withdrawn and crash in whatever order: what the line and the ledger never do.

The model here is arithmetic over plain sets; it shares nothing with :mod:`labd.jobs.schedule` but requests.
"""

import random
from collections import Counter
from typing import NamedTuple

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from labd.jobs.schedule import Key, Line, Quota, holder
from labd.jobs.share import Shares
from labd.resources.ledger import MILLI, Capacity, Ledger, Request

CORES, MEMORY, GPUS = 4, 100, (0, 1, 2)
CAPACITY = Capacity(CORES * MILLI, MEMORY, gpus=GPUS)
QUOTA = Quota(jobs=4, cores=3, gpus=2, groups={"small": 2})


class Wish(NamedTuple):
    """A job as the model sees it."""

    job: int
    priority: int
    user: int
    group: str
    cores: float
    memory: int
    gpus: int
    gpu_ids: tuple[int, ...]

    @property
    def rank(self) -> tuple[int, int]:
        return -self.priority, self.job

    @property
    def gpu_count(self) -> int:
        return max(self.gpus, len(self.gpu_ids))

    @property
    def key(self) -> Key:
        request = Request(round(self.cores * MILLI), self.memory, self.gpus, self.gpu_ids)
        return Key(self.user, self.group, request)


WISHES = {
    "priority": st.sampled_from((0, 0, 0, 5)),
    "user": st.sampled_from((1, 2, 3)),
    "group": st.sampled_from(("", "", "small")),
    "cores": st.sampled_from((0, 0.5, 1, 2, 3)),
    "memory": st.sampled_from((0, 0, 30, 60)),
    "gpus": st.sampled_from((0, 0, 1, 2)),
    "gpu_ids": st.sampled_from(((), (), (), (0,), (2,), (0, 1))),
}


class Lab(RuleBasedStateMachine):
    """A line and a ledger beside what should be in them."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.ledger = Line(QUOTA), Ledger(CAPACITY)
        self.waiting: dict[int, Wish] = {}
        self.running: dict[int, Wish] = {}
        self.passing: set[int] = set()
        self.passed_head: set[int] = set()
        self.head: int | None = None
        self.planned = True
        self.last = 0

    # -- what happens ----------------------------------------------------------------------------

    @rule(**WISHES)
    def submit(self, **wish) -> None:
        self.last += 1
        new = self.waiting[self.last] = Wish(self.last, **wish)
        self.line.add(new.job, new.priority, new.key)
        self.planned = False

    @rule()
    def plan(self) -> None:
        if self.head not in self.waiting:
            self.passing.clear()
        started = {start.job for start in self.line.plan(self.ledger)}
        head = self._start(started)
        passed = {
            job for job in started if head is not None and self.running[job].rank > self.waiting[head].rank
        }
        self.passing |= passed
        self.passed_head = passed | (self.passed_head if head == self.head else set())
        self.head, self.planned = head, True

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end(self, data) -> None:
        job = data.draw(st.sampled_from(sorted(self.running)))
        del self.running[job]
        self.ledger.release(holder(job))
        self.line.ended(job)
        self.planned = False

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def withdraw(self, data) -> None:
        job = data.draw(st.sampled_from(sorted(self.waiting)))
        del self.waiting[job]
        self.line.discard(job)
        self.planned = False

    @rule()
    def crash(self) -> None:
        """The daemon dies; the next one books what runs and lets the others wait."""
        leases = {lease.holder: lease for lease in self.ledger.leases}
        self.line, self.ledger = Line(QUOTA), Ledger(CAPACITY)
        for job, wish in self.running.items():
            self.ledger.claim(holder(job), wish.key.request, leases[holder(job)].gpu_ids)
            self.line.runs(job, wish.key)
        for wish in self.waiting.values():
            self.line.add(wish.job, wish.priority, wish.key)
        self.passing, self.passed_head, self.head, self.planned = set(), set(), None, False

    # -- what always holds -----------------------------------------------------------------------

    @invariant()
    def nobody_shares_a_gpu_and_nothing_is_given_twice(self) -> None:
        """R11."""
        assert {lease.holder for lease in self.ledger.leases} == {holder(job) for job in self.running}
        given = Counter(gpu for lease in self.ledger.leases for gpu in lease.gpu_ids)
        assert set(given) <= set(GPUS)
        assert all(times == 1 for times in given.values())
        for lease in self.ledger.leases:
            assert len(lease.gpu_ids) == lease.request.gpu_count
            assert set(lease.request.gpu_ids) <= set(lease.gpu_ids)
        assert sum(wish.cores for wish in self.running.values()) <= CORES
        assert sum(wish.memory for wish in self.running.values()) <= MEMORY

    @invariant()
    def no_user_and_no_group_has_more_than_its_quota(self) -> None:
        for user in (1, 2, 3):
            own = [wish for wish in self.running.values() if wish.user == user]
            assert len(own) <= QUOTA.jobs
            assert sum(wish.cores for wish in own) <= QUOTA.cores
            assert sum(wish.gpu_count for wish in own) <= QUOTA.gpus
        assert sum(wish.group == "small" for wish in self.running.values()) <= QUOTA.groups["small"]

    @invariant()
    def whoever_could_start_has_started(self) -> None:
        """What waits after a decision is over a quota, does not fit, or would delay the head."""
        if self.planned:
            idle = [wish for wish in self.waiting.values() if self._allowed(wish) and self._fits(wish)]
            assert [wish for wish in idle if wish.job == self.head or not self._delays(wish)] == []

    @invariant()
    def the_head_starts_when_those_before_it_have_ended(self) -> None:
        """However many passed it, none of them is in its way."""
        if self.planned and self.head is not None:
            assert self._fits(self.waiting[self.head], self.passed_head & set(self.running))

    # -- the model -------------------------------------------------------------------------------

    def _start(self, started: set[int]) -> int | None:
        """Let them run, and tell the head: the first in order whose quota allows it and that did not fit."""
        head = None
        for wish in sorted(self.waiting.values(), key=lambda wish: wish.rank):
            if wish.job in started:
                self.running[wish.job] = self.waiting.pop(wish.job)
            elif head is None and self._allowed(wish) and not self._fits(wish):
                head = wish.job
        return head

    def _allowed(self, wish: Wish) -> bool:
        own = [w for w in self.running.values() if w.user == wish.user] + [wish]
        group = [w for w in self.running.values() if w.group == wish.group == "small"]
        return (
            len(own) <= QUOTA.jobs
            and sum(w.cores for w in own) <= QUOTA.cores
            and sum(w.gpu_count for w in own) <= QUOTA.gpus
            and len(group) < QUOTA.groups["small"]
        )

    def _fits(self, wish: Wish, beside: set[int] | None = None) -> bool:
        """Whether *wish* fits beside these running jobs (None: all of them)."""
        among = [w for job, w in self.running.items() if beside is None or job in beside]
        return fits([*among, wish], self._gpus(among), wish)

    def _delays(self, wish: Wish) -> bool:
        if self.head is None:
            return False
        head, staying = (
            self.waiting[self.head],
            [self.running[job] for job in self.passing & set(self.running)],
        )
        lease = self.ledger.offer(holder(wish.job), wish.key.request)
        assert lease is not None, "it fits"
        return not fits([*staying, wish, head], {*self._gpus(staying), *lease.gpu_ids}, head)

    def _gpus(self, wishes: list[Wish]) -> set[int]:
        names = {holder(wish.job) for wish in wishes}
        return {gpu for lease in self.ledger.leases if lease.holder in names for gpu in lease.gpu_ids}


def fits(all_of_them: list[Wish], taken: set[int], last: Wish) -> bool:
    """Whether they have room together, the GPUs *taken* being those of all but the *last*."""
    return (
        sum(wish.cores for wish in all_of_them) <= CORES
        and sum(wish.memory for wish in all_of_them) <= MEMORY
        and not taken & set(last.gpu_ids)
        and len(taken) + last.gpu_count <= len(GPUS)
    )


TestR11NoGpuTwice = Lab.TestCase
TestR11NoGpuTwice.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def core_seconds(cores: dict[int, float], seconds: float = 2000.0) -> dict[int, float]:
    """What each of two users gets in virtual time, with jobs of so many *cores*, when both always have
    jobs waiting and the first one has submitted all of them before the second."""
    dice, shares, now = random.Random(1), Shares(), 0.0
    line, ledger = Line(share=lambda user: shares.used(user, now)), Ledger(CAPACITY)
    users = {job: 1 if job < 4000 else 2 for job in range(8000)}
    for job, user in users.items():
        line.add(job, 0, Key(user, "", Request(round(cores[user] * MILLI))))
    ends: dict[int, float] = {}
    had = {1: 0.0, 2: 0.0}
    while now < seconds:
        for start in line.plan(ledger):
            user, took = users[start.job], dice.uniform(1, 20)
            shares.begins(start.job, user, start.lease.request, now)
            ends[start.job] = now + took
            had[user] += took * cores[user]
        job = min(ends, key=ends.__getitem__)
        now = ends.pop(job)
        ledger.release(holder(job))
        line.ended(job)
        shares.ends(job, now)
    assert sum(had.values()) > 0.95 * seconds * CORES, "the machine stood idle"
    return had


def test_two_users_with_the_same_demand_get_the_same() -> None:
    had = core_seconds({1: 1, 2: 1})
    assert abs(had[1] - had[2]) < 0.05 * sum(had.values())


def test_a_user_of_large_jobs_is_not_starved_by_small_ones() -> None:
    """Small jobs fill the gaps before a large one, so their user gets more; the large ones still go on."""
    had = core_seconds({1: 1, 2: 0.5})
    assert had[1] > 0.2 * sum(had.values())
