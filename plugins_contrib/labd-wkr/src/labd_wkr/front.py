"""Requests of old clients, given to a model; answers go to the board. No I/O of its own."""

import logging
from collections.abc import Callable

import trio

from labd.api import Answer, Inference, LabdError, NotReady, Tensor, Ticket
from labd.api.serving import RAW, Models, Outcome
from labd_wkr import frames, zmtp
from labd_wkr.board import Board
from labd_wkr.frames import Asked, BadFrames, Encode, Status, Terminate
from labd_wkr.settings import Door
from labd_wkr.status import Counts, state, status

CODEC = "labd_wkr.codec"

EARLY = 10_000
"""Requests that may wait for the model to be loaded."""


class Front:
    """One model behind a pair of ports.

    *models* gives who serves models now, *now* the time of the loop.
    """

    def __init__(
        self,
        name: str,
        door: Door,
        board: Board,
        models: Callable[[], Models],
        now: Callable[[], float],
        log: logging.Logger,
    ) -> None:
        self.counts = Counts()
        self.name, self._door, self._board = name, door, board
        self._models, self._now, self._log = models, now, log
        self.leaving = trio.Event()
        """Set when a client asked that the server stops: nothing new is taken."""
        self._waiting: dict[bytes, set[_Pending]] = {}
        self._early: list[tuple[Inference, _Pending]] = []
        self.early = trio.Event()
        """Set while requests wait for the model to be loaded: :meth:`retry` then, now and again."""

    @property
    def waiting(self) -> int:
        """How many requests have no answer yet."""
        return sum(map(len, self._waiting.values()))

    def take(self, message: list[bytes]) -> None:
        """A message of a client; whatever is in it, nothing is raised."""
        try:
            request = frames.parse(message)
        except BadFrames as error:
            self._refuse(error)
            return
        match request:
            case Encode():
                self._encode(request)
            case Status(asked):
                self._tell(asked)
            case Terminate():
                self._terminate()

    def gone(self, identity: bytes) -> None:
        """The client *identity* left: what it waited for is not worked on."""
        for pending in self._waiting.pop(identity, set()):
            pending.cancel()

    def give_up(self) -> None:
        """Once nobody serves models any more, tell those who wait."""
        try:
            self._models()
        except NotReady as error:
            for pending in [each for those in self._waiting.values() for each in those]:
                pending.done(error)

    # -- kinds of requests -----------------------------------------------------------------------

    def _encode(self, request: Encode) -> None:
        pending = _Pending(self, request.asked)
        self._waiting.setdefault(request.asked.identity, set()).add(pending)
        data = frames.pack(request.info, request.data)
        self.counts.asked(request.asked.identity, len(request.data), self._now())
        inference = Inference(
            self.name,
            (Tensor("input", RAW, (1,), data),),
            timeout=self._door.timeout,
            arrived=self._now(),
            codec=CODEC,
            client=request.asked.identity.decode(errors="backslashreplace")[:64],
        )
        if self.leaving.is_set():
            pending.done(NotReady(f"the server of {self.name} stops"))
        else:
            self._submit(inference, pending)

    def _submit(self, inference: Inference, pending: "_Pending") -> None:
        try:
            pending.ticket = self._models().submit(inference, pending.done)
        except NotReady as error:
            self._postpone(inference, pending, error)
        except LabdError as error:
            pending.done(error)

    def _postpone(self, inference: Inference, pending: "_Pending", error: LabdError) -> None:
        """Who asks before the model is loaded waits for it, as ever; but not for one that failed."""
        late = inference.arrived + self._door.timeout <= self._now()
        if late or len(self._early) >= EARLY or state(self.name, self._models) != "loading":
            pending.done(error)
        else:
            self._early.append((inference, pending))
            self.early.set()

    def retry(self) -> None:
        """Ask the model again for who came too early."""
        self.early = trio.Event()
        early, self._early = self._early, []
        for inference, pending in early:
            if not pending.over:
                self._submit(inference, pending)

    def _tell(self, asked: Asked) -> None:
        self.counts.system += 1
        values = status(self.name, self._door, self.counts, self._models, asked.identity, self._now())
        self._answer(asked.identity, frames.status(asked, values))

    def _terminate(self) -> None:
        if self._door.terminate:
            self._log.info("a client asks that the server of %s stops", self.name)
            self.leaving.set()
        else:
            self._log.warning(
                "a client asked that %s stops; `terminate` in its settings is not set", self.name
            )

    def _refuse(self, error: BadFrames) -> None:
        self.counts.failed += 1
        self._log.warning("a message for %s is no request: %s", self.name, error)
        if error.asked is not None:
            self._answer(error.asked.identity, frames.failure(error.asked, str(error)))

    # -- answers ---------------------------------------------------------------------------------

    def finish(self, pending: "_Pending", outcome: Outcome) -> None:
        """*pending* has its answer."""
        asked = pending.asked
        self._forget(pending)
        if isinstance(outcome, Answer):
            info, data = frames.unpack(outcome.tensors[0].data)
            self.counts.answered(len(data))
            self._answer(asked.identity, frames.result(asked, info, bytes(data)))
        else:
            self.counts.failed += 1
            self._answer(asked.identity, frames.failure(asked, words(outcome)))

    def _forget(self, pending: "_Pending") -> None:
        those = self._waiting.get(pending.asked.identity, set())
        those.discard(pending)
        if not those:
            self._waiting.pop(pending.asked.identity, None)

    def _answer(self, identity: bytes, parts: list[bytes]) -> None:
        self._board.publish(identity, zmtp.message(parts), self._now())


class _Pending:
    """A request that the model has."""

    __slots__ = ("asked", "front", "over", "ticket")

    def __init__(self, front: Front, asked: Asked) -> None:
        self.front, self.asked = front, asked
        self.ticket: Ticket | None = None
        self.over = False

    def done(self, outcome: Outcome) -> None:
        """The answer; of a stream the first one, since an old client takes one."""
        if not self.over:
            self.over = True
            self.front.finish(self, outcome)
            if isinstance(outcome, Answer) and not outcome.final:
                self.cancel()

    def cancel(self) -> None:
        self.over = True
        if self.ticket is not None:
            self.ticket.cancel()


def words(error: LabdError) -> str:
    """*error* as the old server said it: the traceback of the model's code first, where there is one."""
    parts = [str(error.data.get("traceback", "")), error.message, error.hint or ""]
    return "\n".join(part.strip() for part in parts if part)
