"""Small helpers that many tests share."""

import time
from collections.abc import Callable
from typing import TypeVar

import trio

T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout: float = 60.0, every: float = 0.01) -> T:
    """Poll *condition* until it is true, and return what it said; AssertionError after *timeout* s."""
    end = time.monotonic() + timeout
    while not (answer := condition()):
        assert time.monotonic() < end, f"{condition} did not come true within {timeout:g} s"
        time.sleep(every)
    return answer


async def wait_until_async(condition: Callable[[], T], timeout: float = 60.0, every: float = 0.01) -> T:
    """The same under trio, on the real clock."""
    with trio.move_on_after(timeout):
        while not (answer := condition()):  # noqa: ASYNC110 - what is waited for is outside trio
            await trio.sleep(every)
        return answer
    raise AssertionError(f"{condition} did not come true within {timeout:g} s")
