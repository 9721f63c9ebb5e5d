"""``labd.report``: a running job tells how far it is. Elsewhere it does nothing.

One call appends one line of JSON to the file that ``$LABD_REPORT`` names, with one write, so that
several processes of a job may report at once. It never raises: a wrong value, a full disk or a missing
folder is said once on stderr, and the training goes on.
"""

import json
import math
import os
import sys
import time
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any, SupportsFloat

MAX_LINE = 4096
"""Bytes of one report. A write of so much to a local file is not torn apart by another's."""

MAX_MESSAGE = 1000

File = str | os.PathLike[str]

_told: set[str] = set()


def report(
    progress: SupportsFloat | None = None,
    metrics: Mapping[str, SupportsFloat] | None = None,
    message: str | None = None,
    *,
    step: SupportsFloat | None = None,
    artifact: File | Iterable[File] | Mapping[str, File] | None = None,
    **more: SupportsFloat,
) -> None:
    """Say how far the job is: ``labd.report(0.5, {"loss": 0.12})`` or ``labd.report(step=3, loss=0.12)``.

    *progress* is from 0 to 1; *metrics* and further keywords are numbers by name (numpy's count as
    well; NaN and the infinities are kept as "no value"); *message* is one line for people. *step* is
    where on the x axis the metrics belong (one more than the last, if not given). *artifact* is a result
    that was written, several, or several by name; a path is relative to the current folder, else to
    ``$LABD_RUN_DIR``.
    """
    path = os.environ.get("LABD_REPORT")
    if not path:
        return
    try:
        results = list(_results(artifact))
        numbers = {**(metrics or {}), **more}
        if numbers or not results or (progress, message, step) != (None, None, None):
            _append(path, _line(progress, numbers, message, step))
        for name, file in results:
            _append(path, _artifact(name, file))
    except Exception as error:  # whatever it is, a report is not worth a training run
        _warn(f"{type(error).__name__}: {error}")


def _results(artifact: Any) -> Iterable[tuple[str, str]]:
    """The name and the path of each result that is there."""
    if artifact is None:
        return
    if isinstance(artifact, str | os.PathLike):
        artifact = (artifact,)
    pairs = artifact.items() if isinstance(artifact, Mapping) else ((None, file) for file in artifact)
    for name, file in pairs:
        path = _place(os.fspath(file))
        if os.path.exists(path):
            yield str(name or os.path.basename(path)), path
        else:
            _warn(f"artifact {path} is not there")


def _place(path: str) -> str:
    beside = os.path.join(os.environ.get("LABD_RUN_DIR", ""), path)
    return os.path.abspath(path if os.path.exists(path) else beside)


def _artifact(name: str, path: str) -> bytes:
    """A line about one result; of a folder there is no size."""
    size = os.path.getsize(path) if os.path.isfile(path) else None
    return _encoded({"time": time.time(), "artifact": {"name": name, "path": path, "size": size}})


def _line(
    progress: SupportsFloat | None,
    metrics: Mapping[str, Any],
    message: str | None,
    step: SupportsFloat | None,
) -> bytes:
    """The report as one line, without its metrics when they make it too long."""
    line: dict[str, Any] = {"time": time.time()}
    if progress is not None and (share := _share(progress)) is not None:
        line["progress"] = share
    if step is not None and isinstance(place := _number("step", step), float):
        line["step"] = place
    if message is not None:
        line["message"] = str(message)[:MAX_MESSAGE]
    numbers = {str(name): _number(name, value) for name, value in metrics.items()}
    numbers = {name: number for name, number in numbers.items() if number is not _BAD}
    data = _encoded(line | {"metrics": numbers} if numbers else line)
    if len(data) <= MAX_LINE:
        return data
    _warn(f"{len(numbers)} metrics make a line of {len(data)} bytes, {MAX_LINE} fit: they are left out")
    return _encoded(line)


def _encoded(line: dict[str, Any]) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


_BAD = object()


def _share(progress: SupportsFloat) -> float | None:
    number = _number("progress", progress)
    if isinstance(number, float) and 0 <= number <= 1:
        return number
    if number is not _BAD:
        _warn(f"progress is {progress}, not from 0 to 1")
    return None


def _number(name: object, value: Any) -> Any:
    """*value* as a float, None where it is not finite, _BAD where it is no number."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        _warn(f"{name} is {str(value)[:40]!r}, not a number")
        return _BAD
    return number if math.isfinite(number) else None


def _append(path: str, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, data)
    finally:
        os.close(handle)


def _warn(text: str) -> None:
    """Say each kind of trouble once; a loop of a million steps must not fill the log."""
    kind = text.split()[0]
    if kind in _told:
        return
    _told.add(kind)
    try:
        sys.stderr.write(f"labd.report: {text}\n")
    except (AttributeError, OSError, ValueError):
        pass  # there is no stderr: then nobody wants to know


class _Callable(ModuleType):
    """Importing this module puts it where ``import labd`` has the function of the same name: be both."""

    __call__ = staticmethod(report)


sys.modules[__name__].__class__ = _Callable
