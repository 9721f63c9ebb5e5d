"""The verdict of the demo: it says yes to a good one, and can say no to everything it claims."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from labd.demo.verdict import Death, Facts, Survivor, untrue


class Ended(NamedTuple):
    job: int
    state: str = "succeeded"
    attempt: int = 1
    adopted: int = 0
    cause: str = "exit code 0"


GOOD = Facts(
    runs=[Ended(1), Ended(2), Ended(3, adopted=1), Ended(4, adopted=1), Ended(5)],
    struck=[3, 4],
    death=Death(pid=100, status=-9, answered=False),
    survivors=[Survivor(3, 203, 20, 900, True), Survivor(4, 204, 20, 800, True)],
    successor=101,
    epochs=("e", "e"),
)


def run(facts: Facts, job: int, **changes: object) -> Facts:
    runs = [r._replace(**changes) if r.job == job else r for r in facts.runs]  # type: ignore[attr-defined]
    return facts._replace(runs=runs)


def survivor(facts: Facts, job: int, **changes: object) -> Facts:
    return facts._replace(survivors=[s._replace(**changes) if s.job == job else s for s in facts.survivors])


def test_a_good_demo_has_nothing_untrue() -> None:
    assert untrue(GOOD) == []


def test_a_run_that_came_to_its_end_without_the_daemon_has_survived() -> None:
    assert untrue(survivor(run(GOOD, 3, adopted=0), 3, after=False, seen=5)) == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: run(f, 2, state="failed", cause="exit code 1"), "run 2 is failed: exit code 1"),
        (lambda f: run(f, 5, state="cancelled"), "run 5 is cancelled"),
        (lambda f: run(f, 1, attempt=2), "run 1 took 2 attempts instead of one"),
        (lambda f: run(f, 1, attempt=0), "run 1 took 0 attempts"),
        (lambda f: f._replace(runs=[]), "there were no runs"),
        (lambda f: f._replace(death=None), "the daemon was not killed"),
        (lambda f: f._replace(death=Death(100, 0, False)), "was not ended by SIGKILL: status 0"),
        (lambda f: f._replace(death=Death(100, -15, False)), "was not ended by SIGKILL: status -15"),
        (lambda f: f._replace(death=Death(100, -9, True)), "something answered at the socket"),
        (lambda f: f._replace(successor=0), "was not started again"),
        (lambda f: f._replace(successor=100), "was not started again"),
        (lambda f: f._replace(epochs=("e", "f")), "has another state"),
        (lambda f: f._replace(struck=[]), "no run was training"),
        (lambda f: f._replace(survivors=f.survivors[:1]), "the process of run 4 was not found"),
        (lambda f: f._replace(struck=[3, 99]), "the process of run 99 was not found"),
        (lambda f: survivor(f, 3, seen=0), "run 3 (pid 203) was never seen alive"),
        (lambda f: survivor(f, 4, grew=0), "run 4 (pid 204) reported nothing"),
        (lambda f: run(f, 4, adopted=0), "run 4 (pid 204) was not taken up"),
        (lambda f: run(survivor(f, 3, after=False), 3, state="lost"), "run 3 (pid 203) did not survive"),
        (lambda f: run(survivor(f, 3, after=False), 3, attempt=2), "run 3 (pid 203) did not survive"),
    ],
)
def test_each_claim_can_be_untrue(spoil: Callable[[Facts], Facts], said: str) -> None:
    assert any(said in line for line in untrue(spoil(GOOD))), untrue(spoil(GOOD))
