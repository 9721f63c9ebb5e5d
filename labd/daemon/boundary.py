"""Every call into the code of a plugin goes through here: whose it is, how long it takes, what it raises.

What a plugin raises becomes an error that names it, a line in the log and a number in ``labctl plugins``.
Services do not pass here: the supervisor has a boundary of its own.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import trio

from labd.api import (
    Call,
    Family,
    JobKind,
    JobSpec,
    LabdError,
    Method,
    Metrics,
    Mount,
    Notifier,
    Request,
    Response,
    Route,
)
from labd.daemon.faults import one_line, split
from labd.daemon.notices.senders import called
from labd.daemon.owner import OWNER
from labd.errors import InternalError

log = logging.getLogger("labd.plugins")


class Tally(msgspec.Struct):
    """What was counted of one plugin since it was last loaded. Times are seconds."""

    faults: int = 0
    last_fault: str = ""
    stalls: int = 0
    worst_stall: float = 0.0


class Boundary:
    """Wraps what plugins offer. Whatever runs on the loop without waiting is told to :attr:`held`."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._tallies: dict[str, Tally] = {}
        self.traced: set[str] = set()
        self.held: Callable[[str, str, float], None] = lambda plugin, what, seconds: None
        self.failed: Callable[[str, str], None] = lambda plugin, said: None

    def tally(self, plugin: str) -> Tally:
        """The figures of *plugin*."""
        return self._tallies.setdefault(plugin, Tally())

    def forget(self, plugin: str) -> None:
        """Count from zero again."""
        self._tallies.pop(plugin, None)

    def stalled(self, plugin: str, seconds: float) -> None:
        """*plugin* held the loop for so long."""
        tally = self.tally(plugin)
        tally.stalls += 1
        tally.worst_stall = max(tally.worst_stall, seconds)

    def trace(self, plugin: str, what: str, seconds: float) -> None:
        """Log that *what* took so long, if somebody wants to know."""
        if plugin in self.traced:
            log.info("plugin %s: %s took %.3f ms", plugin, what, seconds * 1000)

    # -- wrapping --------------------------------------------------------------------------------

    @contextmanager
    def plain(self, plugin: str, what: str) -> Iterator[None]:
        """Around a plain function of *plugin*, which holds the loop as long as it runs."""
        token, began = OWNER.set(plugin), self._clock()
        try:
            yield
        finally:
            OWNER.reset(token)
            took = self._clock() - began
            if trio.lowlevel.in_trio_task():
                self.held(plugin, what, took)
            self.trace(plugin, what, took)

    def method(self, plugin: str, method: Method) -> Method:
        """*method*, answered behind the boundary."""

        async def handler(call: Call, params: Any) -> Any:
            OWNER.set(
                plugin
            )  # until the task of this request ends, so that a step that holds the loop is named
            return await self._guarded(plugin, f"method {method.name}", lambda: method.handler(call, params))

        return msgspec.structs.replace(method, handler=handler)

    def notifier(self, plugin: str, notifier: Notifier) -> Notifier:
        """*notifier*, sending behind the boundary."""

        async def send(settings: Any, message: dict[str, Any]) -> None:
            token = OWNER.set(plugin)
            try:
                await self._guarded(
                    plugin, f"notifier {notifier.name}", lambda: called(notifier.send, settings, message)
                )
            finally:
                await trio.lowlevel.cancel_shielded_checkpoint()  # its last step is still its own
                OWNER.reset(token)

        return msgspec.structs.replace(notifier, send=send)

    def route(self, plugin: str, route: Route | Mount) -> Route | Mount:
        """*route*, answered behind the boundary; an application that is mounted answers for itself."""
        if isinstance(route, Mount):
            return route

        async def handler(request: Request) -> Response:
            OWNER.set(plugin)
            response: Response = await self._guarded(
                plugin, f"page {route.path}", lambda: route.handler(request)
            )
            return response

        return msgspec.structs.replace(route, handler=handler)

    def kind(self, plugin: str, kind: JobKind) -> JobKind:
        """*kind*, built behind the boundary."""
        what = f"job kind {kind.name}"

        def build(params: Any, spec: JobSpec) -> JobSpec:
            try:
                with self.plain(plugin, what):
                    return kind.build(params, spec)
            except (LabdError, msgspec.ValidationError, KeyboardInterrupt):
                raise
            except BaseException as error:  # SystemExit too
                raise self._fault(plugin, what, error) from error

        return msgspec.structs.replace(kind, build=build)

    def metrics(self, plugin: str, metrics: Metrics) -> Metrics:
        """*metrics*, collected behind the boundary: what fails says nothing."""

        def collect() -> list[Family]:
            try:
                with self.plain(plugin, "metrics"):
                    return [*metrics.collect()]
            except Exception as error:
                self._fault(plugin, "metrics", error)
                return []

        return msgspec.structs.replace(metrics, collect=collect)

    async def _guarded(self, plugin: str, what: str, call: Callable[[], Awaitable[Any]]) -> Any:
        began = self._clock()
        try:
            return await call()
        except LabdError:
            raise
        except BaseException as error:
            passing, fault = split(error)
            if passing is not None or fault is None:
                raise
            raise self._fault(plugin, what, fault) from error
        finally:
            self.trace(plugin, what, self._clock() - began)

    def _fault(self, plugin: str, what: str, fault: BaseException) -> InternalError:
        """Note what *plugin* did wrong; what to tell whoever asked."""
        said = f"{what} failed: {one_line(fault)}"
        tally = self.tally(plugin)
        tally.faults, tally.last_fault = tally.faults + 1, said
        log.error("plugin %s: %s", plugin, said, exc_info=fault)
        self.failed(plugin, said)
        return InternalError(f"plugin {plugin}: {said}", hint="the daemon's log has the traceback")
