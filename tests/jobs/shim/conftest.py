"""Attempts that run and are gone when the test is over."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labd.jobs import attempts, strays
from labd.jobs.shim.spawn import Zygote
from tests.jobs.shim.support import Attempt, running_zygote
from tests.support import wait_until

UNUSED = "no process has this token"


@pytest.fixture
def zygote() -> Iterator[Zygote]:
    with running_zygote() as zygote:
        yield zygote


@pytest.fixture
def begin(zygote: Zygote, tmp_path: Path) -> Iterator[Callable[[dict[str, Any]], Attempt]]:
    """Launch an order as a new attempt."""
    begun: list[Attempt] = []
    numbers = itertools.count(1)

    def begin(what: dict[str, Any]) -> Attempt:
        begun.append(Attempt(zygote, attempts.folder(str(tmp_path), next(numbers), 1), what))
        return begun[-1]

    yield begin
    for attempt in begun:
        attempts.cancel(attempt.folder, 0.0)
        wait_until(attempt.released)
        strays.end(attempt.token or UNUSED)
