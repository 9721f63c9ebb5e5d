"""Staying in touch with a daemon that goes away."""

import time
from typing import Any

import pytest

from labd.cli.connect import Connect, Steady
from labd.errors import DeadlineExceeded, NotFound, Unreachable
from tests.cli.fake import FakeDaemon


class Line:
    """A connection whose calls give the next of some outcomes."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.connections = 0

    def __call__(self) -> "Line":
        self.connections += 1
        return self

    def __exit__(self, *exc: object) -> None: ...

    def call(self, method: str, params: dict[str, Any] | None = None, timeout: float | None = None) -> Any:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def steady(line: Line, **more: Any) -> tuple[Steady, list[str], list[float]]:
    said: list[str] = []
    slept: list[float] = []
    return Steady(line, said.append, sleep=slept.append, **more), said, slept  # type: ignore[arg-type]


def test_what_was_lost_is_asked_again_on_a_new_connection() -> None:
    line = Line(Unreachable("gone"), ConnectionResetError(), "answer")
    calls, said, _ = steady(line)
    assert calls.call("x") == "answer"
    assert (line.connections, calls.losses, said[1::2]) == (3, 2, ["labd is back"] * 2)


def test_other_errors_are_the_callers() -> None:
    line = Line(NotFound("no"))
    calls, said, _ = steady(line)
    with pytest.raises(NotFound):
        calls.call("x")
    assert (line.connections, said) == (1, [])


def test_the_tries_become_rarer_up_to_two_seconds() -> None:
    class Away(Line):
        def __call__(self) -> "Line":
            super().__call__()
            if 1 < self.connections < 9:
                raise Unreachable("away")
            return self

    calls, _, slept = steady(Away(Unreachable("gone"), 1))
    assert calls.call("x") == 1
    assert slept == [0.1, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_a_deadline_ends_the_tries() -> None:
    calls, _, _ = steady(Line(Unreachable("gone"), 1), deadline=time.monotonic() - 1)
    with pytest.raises(DeadlineExceeded, match="did not come back"):
        calls.call("x")


def test_the_first_connection_must_succeed_at_once() -> None:
    def nobody() -> Any:
        raise Unreachable("nobody")

    with pytest.raises(Unreachable):
        Steady(nobody, print)


def test_connections_with_and_without_a_timeout(daemon: FakeDaemon) -> None:
    daemon.on("x", "y")
    with Connect(daemon.path, 5.0)() as client, Connect(daemon.path)(None) as patient:
        assert (client.call("x"), patient.call("x")) == ("y", "y")
    with pytest.raises(Unreachable), Connect("/no/such/socket")():
        pass
