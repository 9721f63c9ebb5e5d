"""Time that tests move."""

import trio
from trio.testing import MockClock

from labd.jobs.clock import SystemClock


class Clock(SystemClock):
    """A :class:`labd.api.Clock` that begins at *wall* (Unix seconds) and *boot* (seconds since boot).

    In a test with one of trio's mock clocks it goes along with that. Otherwise it stands still, and only
    :meth:`advance` moves it.
    """

    def __init__(self, wall: float = 1_700_000_000.0, boot: float = 1000.0) -> None:
        self.boot_id = "labd.testing"
        self._wall = wall
        self._boot = boot

    def wall(self) -> float:
        return self._wall + _virtual()

    def boot(self) -> float:
        return self._boot + _virtual()

    def advance(self, seconds: float) -> None:
        """Let time pass. Under a mock clock that is what wakes those who sleep."""
        mock = _mock_clock()
        if mock is not None:
            mock.jump(seconds)
        else:
            self.suspend(seconds)

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep: both clocks go on, and nobody's ``trio.sleep`` does."""
        self._wall += seconds
        self._boot += seconds

    def set_wall(self, wall: float) -> None:
        """Set the wall clock to *wall* (Unix seconds), as an administrator or NTP would."""
        self._wall += wall - self.wall()


def _mock_clock() -> MockClock | None:
    try:
        clock = trio.lowlevel.current_clock()
    except RuntimeError:  # outside of trio
        return None
    return clock if isinstance(clock, MockClock) else None


def _virtual() -> float:
    """Seconds that the mock clock has gone since the test began."""
    mock = _mock_clock()
    return 0.0 if mock is None else mock.current_time()
