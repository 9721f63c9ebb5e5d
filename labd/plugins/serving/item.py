"""One request in a model's queue, which is also the ticket of whoever asked. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from labd.api import Inference
from labd.api.serving import Done

QUEUED, RUNNING, OVER = 0, 1, 2


class Item:
    """A request of *rows* rows, which only go with others of the same *key*.

    *score* is its place in the line: the least is first. *alone*: it goes without others, since a batch that
    it was in failed; *lost* counts the workers that it did not come back from.
    """

    __slots__ = (
        "alone",
        "arrived",
        "began",
        "deadline",
        "digest",
        "done",
        "dropped",
        "key",
        "lost",
        "request",
        "rows",
        "score",
        "size",
        "state",
    )  # fmt: skip

    def __init__(
        self,
        request: Inference,
        done: Done,
        key: Hashable,
        rows: int,
        size: int,
        arrived: float,
        deadline: float,
        score: float,
        dropped: Callable[[Item], None],
    ) -> None:
        self.request, self.done, self.key = request, done, key
        self.rows, self.size = rows, size
        self.arrived, self.deadline, self.score = arrived, deadline, score
        self.began = 0.0
        self.state = QUEUED
        self.alone = False
        self.lost = 0
        self.digest = b""
        self.dropped = dropped

    def cancel(self) -> None:
        """Nobody waits for it any more."""
        if self.state != OVER:
            self.dropped(self)
