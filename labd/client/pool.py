"""One model on several servers: each call goes to the one with least to do."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Self

from labd.client.balance import Place, choose
from labd.client.client import Client
from labd.errors import DeadlineExceeded, LabdError, NotFound, NotReady, Overloaded, Unreachable

AGAIN = (Unreachable, ConnectionError, NotReady, Overloaded)
"""What another server may do better. A call whose server died is made again: a model may see it twice."""

PAUSE = 0.02
"""Seconds between two tries while every server is away or full."""


class ModelPool:
    """The model *name* on the servers of *sockets*: paths of Unix sockets, of other machines as ``ssh -L``
    gives them. For any number of threads.

    Every *interval* seconds each server is asked how the model stands and what waits; a server that is gone,
    full or not ready is passed over until it is well. *connect* makes a client of a socket.
    """

    def __init__(
        self,
        name: str,
        sockets: Iterable[str],
        *,
        interval: float = 1.0,
        connect: Callable[[str], Any] = partial(Client, patient=False),  # noqa: B008 - made once is right
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._connect, self._clock, self._interval = connect, clock, interval
        self._places: list[Place] = []
        self._turn = threading.Condition()
        self._closed = threading.Event()
        for socket in sockets:
            self.add(socket)
        self._follower = threading.Thread(target=self._follow, name="labd-pool", daemon=True)
        self._follower.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __call__(self, *arrays: Any, timeout: float = 30.0, **options: Any) -> Any:
        """The prediction of one server, within *timeout* seconds; see :class:`labd.client.Model`.

        Raises what the model says (BadInput, ModelFailed), and what the last server said when none could
        answer in time: Unreachable, NotReady, Overloaded, DeadlineExceeded.
        """
        until, tried = self._clock() + timeout, set[str]()
        last: Exception = DeadlineExceeded(f"model {self.name}: no server within {timeout:g} s")
        while (left := until - self._clock()) > 0:
            place = self._take(tried)
            if place is None:
                tried.clear()
                self._closed.wait(min(PAUSE, left))
                continue
            try:
                return self._ask(place, arrays, {**options, "timeout": left})
            except AGAIN as error:
                last = error
                tried.add(place.name)
        raise last

    def add(self, socket: str) -> None:
        """Have one more server; it need not be there yet."""
        with self._turn:
            self._places.append(Place(socket, None))

    def drain(self, socket: str, timeout: float | None = None) -> bool:
        """Ask *socket* nothing more, and wait for what it was asked; then it is no more of the pool.

        Whether that was within *timeout* seconds. Raises NotFound.
        """
        place = self._find(socket)
        with self._turn:
            place.draining = True
            over = self._turn.wait_for(lambda: not place.in_flight, timeout)
            if over:
                self._places.remove(place)
        if over and place.server is not None:
            place.server.close()
        return over

    def status(self) -> dict[str, Mapping[str, Any]]:
        """By socket: ``in_flight`` of this pool, ``queued`` of others, ``workers``, ``draining`` and why it
        is passed over (``reason``, empty for a server that is well).
        """
        keys = ("in_flight", "queued", "workers", "draining", "reason")
        with self._turn:
            return {place.name: {key: getattr(place, key) for key in keys} for place in self._places}

    def close(self) -> None:
        """End the connections."""
        self._closed.set()
        self._follower.join()
        for place in self._places:
            if place.server is not None:
                place.server.close()

    # -- inside ----------------------------------------------------------------------------------

    def _find(self, socket: str) -> Place:
        with self._turn:
            for place in self._places:
                if place.name == socket:
                    return place
        raise NotFound(f"{socket} is no server of this pool")

    def _take(self, without: set[str]) -> Place | None:
        with self._turn:
            place = choose(self._places, self._clock(), without)
            if place is not None:
                place.in_flight += 1
            return place

    def _ask(self, place: Place, arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
        try:
            answer = self._model(place)(*arrays, **options)
        except AGAIN as error:
            self._leave(place, error)
            raise
        except LabdError:
            self._leave(place, None)
            raise
        self._leave(place, None)
        return answer

    def _model(self, place: Place) -> Any:
        """The model there, which knows what it takes once it was asked."""
        if place.model is None:
            spare = self._connect(place.name)
            with self._turn:
                if place.server is None:
                    place.server, spare = spare, None
                    place.model = place.server.model(self.name)
            if spare is not None:
                spare.close()  # another thread was faster
        return place.model

    def _leave(self, place: Place, error: Exception | None) -> None:
        with self._turn:
            place.in_flight -= 1
            if error is not None:
                place.failed(str(error), self._clock())
            else:
                place.answered()
            self._turn.notify_all()

    def _follow(self) -> None:
        while not self._closed.wait(self._interval):
            for place in list(self._places):
                self.look(place)

    def look(self, place: Place) -> None:
        """Ask one server how it is."""
        try:
            model = self._model(place)
            view, figures = model.show(), model.statistics()
        except (LabdError, OSError) as error:
            with self._turn:
                place.failed(str(error), self._clock())
            return
        with self._turn:
            place.seen(view, figures, self._clock())
