"""Whether the demo showed what it claims. Pure: facts in, untrue claims out."""

import signal
from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Death(NamedTuple):
    """The end of a daemon: what ``waitpid`` said of it, and whether anybody answered in its stead."""

    pid: int
    status: int
    answered: bool


class Survivor(NamedTuple):
    """A run that trained as the daemon died.

    ``seen``: how often its process was found alive without a daemon; ``grew``: bytes it reported in that
    time; ``after``: whether the same process lived when the daemon was back.
    """

    job: int
    pid: int
    seen: int
    grew: int
    after: bool


class Outcome(Protocol):
    """What counts of a run in the end."""

    @property
    def job(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def adopted(self) -> int: ...
    @property
    def cause(self) -> str: ...


class Facts(NamedTuple):
    """All that was seen. ``epochs`` names the daemon's state before and after its death."""

    runs: Sequence[Outcome]
    struck: Sequence[int]
    death: Death | None
    survivors: Sequence[Survivor]
    successor: int
    epochs: tuple[str, str]


def untrue(facts: Facts) -> list[str]:
    """What is not true of: every run succeeded in one attempt, the daemon was killed, nothing noticed."""
    return [*_of_runs(facts.runs), *_of_death(facts), *_of_survivors(facts)]


def _of_runs(runs: Sequence[Outcome]) -> list[str]:
    if not runs:
        return ["there were no runs"]
    bad = [f"run {r.job} is {r.state}: {r.cause}" for r in runs if r.state != "succeeded"]
    again = [f"run {r.job} took {r.attempt} attempts instead of one" for r in runs if r.attempt != 1]
    return bad + again


def _of_death(facts: Facts) -> list[str]:
    death = facts.death
    if death is None:
        return ["the daemon was not killed: there was no moment when runs were over, training and waiting"]
    wrong = []
    if death.status != -signal.SIGKILL:
        wrong.append(f"the daemon (pid {death.pid}) was not ended by SIGKILL: status {death.status}")
    if death.answered:
        wrong.append("something answered at the socket while the daemon was dead")
    if facts.successor in (0, death.pid):
        wrong.append("the daemon was not started again")
    if facts.epochs[0] != facts.epochs[1]:
        wrong.append("the daemon that came back has another state")
    return wrong


def _of_survivors(facts: Facts) -> list[str]:
    if facts.death is None:
        return []
    known = {survivor.job: survivor for survivor in facts.survivors}
    wrong = [] if facts.struck else ["no run was training when the daemon was killed"]
    for job in facts.struck:
        run = next((r for r in facts.runs if r.job == job), None)
        wrong += _of_survivor(job, known.get(job), run)
    return wrong


def _of_survivor(job: int, seen: Survivor | None, run: Outcome | None) -> list[str]:
    if seen is None or run is None:
        return [f"the process of run {job} was not found when the daemon was killed"]
    if not seen.seen:
        return [f"run {job} (pid {seen.pid}) was never seen alive without the daemon"]
    wrong = []
    if seen.grew <= 0:
        wrong.append(f"run {job} (pid {seen.pid}) reported nothing without the daemon")
    if seen.after and not run.adopted:
        wrong.append(f"run {job} (pid {seen.pid}) was not taken up by the new daemon")
    # one that came to its end meanwhile has survived too, and its success shows it
    if not seen.after and (run.state, run.attempt) != ("succeeded", 1):
        wrong.append(f"run {job} (pid {seen.pid}) did not survive the daemon")
    return wrong
