"""Which running jobs give way to one that is first in line. Pure.

Only jobs that say so (*preemptible*) give way, and only to a higher priority. The fewest that are needed do:
those of the lowest priority first and, of equal ones, the newest, which lose the least.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from labd.resources.ledger import Lease, Ledger, Request


class Candidate(NamedTuple):
    """A running job that may give way; *ending* when it was asked to already."""

    job: int
    holder: str
    priority: int
    ending: bool = False


def victims(
    request: Request, priority: int, candidates: Iterable[Candidate], ledger: Ledger
) -> list[Candidate]:
    """Those of *candidates* that must end so that *request* of *priority* fits; none if that would not do.

    What is ending anyway is counted on: nobody ends for what will be free without.
    """
    fits = _fitting(request, ledger)
    found = list(candidates)
    ending = [one for one in found if one.ending]
    weaker = sorted(
        (one for one in found if one.priority < priority and not one.ending),
        key=lambda one: (one.priority, -one.job),
    )
    if fits(ending) or not fits([*ending, *weaker]):
        return []
    return _fewest(weaker, lambda chosen: fits([*ending, *chosen]))


def _fitting(request: Request, ledger: Ledger) -> Callable[[Sequence[Candidate]], bool]:
    def fits(gone: Sequence[Candidate]) -> bool:
        away = {one.holder for one in gone}
        staying: list[Lease] = [lease for lease in ledger.leases if lease.holder not in away]
        return not ledger.replaying(staying).missing(request)

    return fits


def _fewest(weaker: list[Candidate], enough: Callable[[list[Candidate]], bool]) -> list[Candidate]:
    """The shortest beginning of *weaker* that is enough, less what it can do without."""
    count = next(n for n in range(1, len(weaker) + 1) if enough(weaker[:n]))
    chosen = weaker[:count]
    for one in reversed(weaker[: count - 1]):
        without = [other for other in chosen if other is not one]
        if enough(without):
            chosen = without
    return chosen
