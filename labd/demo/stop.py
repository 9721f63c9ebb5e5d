"""Ctrl-C, SIGTERM and a closed terminal, in a way that nothing half-made is forgotten."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """Somebody wants the demo to end. ``signum`` says how he put it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


class Stops:
    """While entered, the first of :data:`SIGNALS` raises :class:`Stopped`, and later ones do nothing.

    Within :meth:`held` it is raised at the end of the block, so that what is made there (a folder, a
    process) is known to whoever must remove it. After :meth:`deaf` nothing is raised any more: cleaning
    up is not to be interrupted.
    """

    def __init__(self) -> None:
        self._pending = 0
        self._holds = 0
        self._deaf = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Stops":
        # nohup asks for SIGHUP to be ignored; an ignored SIGINT is only how shells start things behind "&"
        wanted = [n for n in SIGNALS if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._arrived) for number in wanted}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Put off being stopped until the block is through."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
        if self._pending and not self._holds:
            self._stop(self._pending)

    def deaf(self) -> None:
        self._deaf = True

    def _arrived(self, signum: int, frame: FrameType | None) -> None:
        self._pending = self._pending or signum
        if not self._holds:
            self._stop(self._pending)

    def _stop(self, signum: int) -> None:
        if not self._deaf:
            self._deaf = True
            raise Stopped(signum)
