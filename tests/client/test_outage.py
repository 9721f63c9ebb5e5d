"""A client that waits outlives any absence of the daemon."""

import itertools
from typing import Any

import pytest

from labd.client import link
from labd.client.link import LAST_PAUSE, Link
from labd.client.maps import Map
from labd.errors import Unreachable

DAY = 86_400.0
VIEW = {"id": 1, "state": "running", "succeeded": 0, "failed": 0, "total": 2}
LINES = b'{"index":0,"result":1,"attempt":1,"seconds":0,"worker":""}\n' \
        b'{"index":1,"result":2,"attempt":2,"seconds":0,"worker":""}\n'  # fmt: skip


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(link.time, "sleep", found.append)
    return found


class Wire:
    """A connection to a daemon that goes away in the middle of a map, for *longer* tries."""

    answers: Any = None

    def __init__(self, path: str, name: str = "") -> None:
        pass

    def close(self) -> None:
        pass

    def call(self, method: str, params: dict[str, Any] | None) -> Any:
        answer = next(Wire.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def part(data: bytes, offset: int, ended: bool = False) -> dict[str, Any]:
    done = {"state": "succeeded", "succeeded": 2} if ended else {}
    return {"map": VIEW | done, "data": data, "offset": offset, "ended": ended}


def test_results_come_after_an_outage_of_two_days(
    monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    tries = int(2 * DAY / LAST_PAUSE)
    gone = itertools.repeat(Unreachable("no labd answers"), tries)
    rest = part(LINES[60:], len(LINES))
    end = part(b"", len(LINES), ended=True)
    Wire.answers = iter([part(LINES[:60], 60), *gone, rest, end])
    monkeypatch.setattr(link, "Wire", Wire)
    assert Map(Link("/nowhere"), VIEW, progress=False).results() == [1, 2]
    assert len(slept) == tries
    assert sum(slept) > 2 * DAY - 60
    assert max(slept) == LAST_PAUSE


def test_what_may_not_be_asked_twice_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    Wire.answers = iter([Unreachable("no labd answers")])
    monkeypatch.setattr(link, "Wire", Wire)
    with pytest.raises(Unreachable):
        Link("/nowhere").call("job.submit", {}, patient=False)
    assert slept == []
