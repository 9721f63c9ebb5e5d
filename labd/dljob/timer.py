"""How long something took, and when it began and ended, in words."""

import time
from collections.abc import Callable
from datetime import datetime

FORMAT = "%b %d %Y %H:%M:%S"


class Timer:
    """Starts and stops once each; times are local, as text in the form *ts_fmt*."""

    def __init__(
        self,
        ts_fmt: str = FORMAT,
        *,
        wall: Callable[[], datetime] = datetime.now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ts_fmt = ts_fmt
        self._wall, self._monotonic = wall, monotonic
        self._began: tuple[datetime, float] | None = None
        self._ended: tuple[datetime, float] | None = None

    def start(self) -> str:
        """Start, unless it has; when that was."""
        self._began = self._began or self._both()
        return self._said(self._began[0])

    def stop(self) -> str:
        """Stop, unless it has; when that was."""
        self._ended = self._ended or self._both()
        return self._said(self._ended[0])

    def end(self) -> None:
        """Stop, and say nothing."""
        self.stop()

    def now(self) -> str:
        """The present time."""
        return self._said(self._wall())

    @property
    def began(self) -> datetime:
        """When it started. Raises ValueError when it has not."""
        return self._since()[0]

    def duration(self) -> str:
        """``H:MM:SS`` from the start to the stop, or to now. Raises ValueError when it has not started."""
        seconds = int((self._ended or self._both())[1] - self._since()[1])
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"

    def _since(self) -> tuple[datetime, float]:
        if self._began is None:
            raise ValueError("the timer was not started")
        return self._began

    def _both(self) -> tuple[datetime, float]:
        return self._wall(), self._monotonic()

    def _said(self, when: datetime) -> str:
        return when.strftime(self.ts_fmt)
