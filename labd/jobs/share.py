"""What each user has had of the machine lately: the measure of fair shares. Pure.

Use is counted in core-seconds, a GPU as :data:`GPU_WEIGHT` cores, a part of one as that part. It is
forgotten by half every *half_life* seconds, so that yesterday's sweep does not weigh for ever.
"""

from collections.abc import Iterable

import msgspec

from labd.resources.ledger import MILLI, Request

GPU_WEIGHT = 16
HALF_LIFE = 24 * 3600.0


def weight(request: Request) -> float:
    """What holding *request* costs in a second."""
    return request.cores / MILLI + GPU_WEIGHT * request.gpu_milli / MILLI


class _Account(msgspec.Struct):
    used: float
    since: float


class Shares:
    """Use by user. Times are seconds on one clock that never jumps (the boot clock)."""

    def __init__(self, half_life: float = HALF_LIFE) -> None:
        self._half_life = half_life
        self._accounts: dict[int, _Account] = {}
        self._holding: dict[int, tuple[int, float, float]] = {}

    def load(self, past: Iterable[tuple[int, float, float]]) -> None:
        """Take up past use: (user, core-seconds, when it ended)."""
        for user, used, when in past:
            self._charge(user, used, when)

    def begins(self, job: int, user: int, request: Request, now: float) -> None:
        """*job* of *user* holds *request* from *now* on."""
        self._holding[job] = (user, weight(request), now)

    def ends(self, job: int, now: float) -> None:
        """*job* holds nothing any more."""
        user, cost, began = self._holding.pop(job, (0, 0.0, now))
        if cost:
            self._charge(user, cost * (now - began), now)

    def used(self, user: int, now: float) -> float:
        """What *user* has had up to *now*, faded core-seconds, what runs included."""
        account = self._accounts.get(user)
        past = account.used * self._fade(now - account.since) if account else 0.0
        running = (cost * (now - began) for owner, cost, began in self._holding.values() if owner == user)
        return past + sum(running)

    def _charge(self, user: int, used: float, now: float) -> None:
        account = self._accounts.setdefault(user, _Account(0.0, now))
        latest = max(now, account.since)
        account.used = account.used * self._fade(latest - account.since) + used * self._fade(latest - now)
        account.since = latest

    def _fade(self, seconds: float) -> float:
        return float(0.5 ** (max(seconds, 0.0) / self._half_life))
