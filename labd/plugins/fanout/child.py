"""In the worker: the function, loaded once and called again and again. Standard library only."""

import faulthandler
import importlib
import json
import linecache
import os
import signal
import sys
import time
import traceback
import types
from collections.abc import Callable
from typing import Any

from labd import worker
from labd.plugins.fanout.said import Capture

FLUSH = 0.1
"""Seconds after which what is done is told of, though the chunk goes on."""

FLUSH_BYTES = 1_048_576
MAX_RESULT = 16 * 2**20
MAX_TRACE = 20_000


class Stale(Exception):
    """A module that the template imported has changed since."""


class TimeLimit(Exception):
    """A call took longer than it may."""


class Calls:
    """Offers :meth:`run`. *function* is ``module:name``, or with *source* a name in that text. *tell* is
    what is done of a chunk told to, as ``done``.
    """

    def __init__(
        self,
        function: str,
        source: str | None,
        kwargs: dict[str, Any],
        time_limit: float,
        said: str = "",
        tell: Callable[..., object] = worker.notify,
    ) -> None:
        refuse_stale()
        self._tell = tell
        self._name, self._said = said, _catch_output()
        self._function = _from_source(source, function) if source is not None else _imported(function)
        self._kwargs, self._limit = kwargs, time_limit
        self._done: list[list[Any]] = []
        self._bytes = 0
        if time_limit:
            signal.signal(signal.SIGALRM, _ring)

    def run(self, calls: list[int], lines: bytes, bounds: list[int] | None) -> list[list[Any]]:
        """Make these calls; the outcomes that were not told of before: number, seconds, whether it went
        well, the result or error as JSON, and what was printed.
        """
        if self._name:  # not before: a worker that never gets a call leaves no file
            self._said, self._name = self._said.moved(self._name), ""
        arguments = None if bounds else lines.split(b"\n")
        told = time.monotonic()
        for place, call in enumerate(calls):
            line = arguments[place] if arguments else None
            self._call(call, line, bounds)
            if time.monotonic() - told > FLUSH or self._bytes > FLUSH_BYTES:
                self._tell("done", outcomes=self._taken())
                told = time.monotonic()
        return self._taken()

    def _taken(self) -> list[list[Any]]:
        done, self._done, self._bytes = self._done, [], 0
        return done

    def _call(self, call: int, line: bytes | None, bounds: list[int] | None) -> None:
        self._said.begin(call)
        began = time.perf_counter()
        try:
            good, text = True, self._result(line if line is not None else _number(call, bounds))
        except BaseException as error:  # also SystemExit: it is this call's, not the worker's
            good, text = False, described(error)
        said = self._printed()
        self._done.append([call, time.perf_counter() - began, good, text, said])
        self._bytes += len(text) + len(said)

    def _result(self, line: bytes | int) -> str:
        value = line if isinstance(line, int) else json.loads(line)
        if self._limit:
            signal.setitimer(signal.ITIMER_REAL, self._limit)
        try:
            result = self._apply(value)
        finally:
            if self._limit:
                signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            text = json.dumps(result, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise TypeError(f"the result is not JSON: {error}") from None
        if len(text) > MAX_RESULT:
            raise ValueError(f"the result has {len(text)} bytes as JSON, the limit is {MAX_RESULT}")
        return text

    def _apply(self, value: Any) -> Any:
        if isinstance(value, list):
            return self._function(*value, **self._kwargs)
        if isinstance(value, dict):
            return self._function(**{**self._kwargs, **value})
        return self._function(value, **self._kwargs)

    def _printed(self) -> str:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                pass  # the call closed it, or put something else there
        return self._said.taken()

    def leave(self) -> None:
        """The worker is to end, and nothing was lost."""
        self._said.leave()


def refuse_stale() -> None:
    """Raises Stale when a file that the template loaded is another now."""
    seen = sys.modules.get("labd.plugins.fanout.seen")
    for path, mark in getattr(seen, "MARKS", {}).items():
        if mark_of(path) != mark:
            raise Stale(path)


def mark_of(path: str) -> tuple[int, int] | None:
    """What tells one version of a file from another."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _catch_output() -> Capture:
    """Keep what is printed from now on; what a dying interpreter says still reaches the log."""
    last = os.dup(2)
    os.set_inheritable(last, False)
    faulthandler.enable(last)
    said = Capture("")
    said.catch()
    return said


def _imported(function: str) -> Any:
    module, _, name = function.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return _callable(found, function)


def _from_source(source: str, name: str) -> Any:
    module = types.ModuleType("labd_map")
    module.__file__ = "<function of the map>"
    sys.modules[module.__name__] = module
    linecache.cache[module.__file__] = (len(source), None, source.splitlines(True), module.__file__)
    exec(compile(source, module.__file__, "exec"), module.__dict__)
    if name not in module.__dict__:
        raise AttributeError(f"the source has no {name!r}")
    return _callable(module.__dict__[name], name)


def _callable(found: Any, name: str) -> Any:
    if not callable(found):
        raise TypeError(f"{name} is a {type(found).__name__}, and cannot be called")
    return found


def _number(call: int, bounds: list[int] | None) -> int:
    assert bounds is not None
    return bounds[0] + call * bounds[2]


def described(error: BaseException) -> str:
    """*error* as JSON, without what of its traceback is ours."""
    own = error.__traceback__
    while own is not None and own.tb_frame.f_code.co_filename == __file__:
        own = own.tb_next  # ours is nobody's business
    trace = "".join(traceback.format_exception(type(error), error, own))
    return json.dumps({
        "type": type(error).__name__, "message": str(error)[:MAX_TRACE], "traceback": trace[-MAX_TRACE:]
    })  # fmt: skip


def _ring(signum: int, frame: object) -> None:
    raise TimeLimit("the call took longer than its time limit")
