"""What a client submits: the spec of a map, and its arguments as lines of JSON."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from labd import shipping
from labd.client.function import ship
from labd.client.link import Link
from labd.environment import captured, split_undecodable
from labd.errors import UsageError

PART = 2 * 2**20
"""Bytes of arguments that go in one request."""

OPTIONS = frozenset({
    "name", "modules", "requirements", "python", "cwd", "path", "env", "cpus", "memory", "gpus",
    "time_limit", "concurrency", "retries", "grouped_results", "keep_arguments", "sandbox", "data",
    "engine", "repeat",
})  # fmt: skip
"""What a map takes besides its function and arguments."""


def spec_of(
    function: Callable[..., Any] | str, kwargs: Mapping[str, Any] | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """The spec of a map that runs as this program does: its interpreter, folder and environment.

    Raises UsageError.
    """
    if unknown := set(options) - OPTIONS:
        raise UsageError(f"a map takes no {min(unknown)!r}", hint=f"it takes {', '.join(sorted(OPTIONS))}")
    shipped = ship(function)
    spec: dict[str, Any] = {
        "function": shipped.function, "path": list(shipped.path), "cwd": os.getcwd(),
        "python": sys.executable or "", "env": split_undecodable(captured(os.environ))[0],
        "kwargs": dict(kwargs or {}), **{name: value for name, value in options.items() if name != "data"},
    }  # fmt: skip
    return spec if shipped.source is None else {**spec, "source": shipped.source}


def files_of(spec: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, str]:
    """The files that are to go along, by their path below the folder of the map. Raises UsageError."""
    return shipping.find(options.get("data") or (), spec["cwd"])


def sent(socket: str, files: Mapping[str, str]) -> dict[str, list[str]]:
    """*files* in the labd at *socket*, as a spec names them; over a connection of its own. Blocks."""
    link = Link(socket)
    try:
        return shipping.put(link.call, files)
    finally:
        link.close()


def lines(iterables: tuple[Iterable[Any], ...]) -> Iterable[bytes]:
    """A line for each call: one argument of each of *iterables*, as ``map`` takes them."""
    for number, arguments in enumerate(zip(*iterables, strict=False)):
        try:
            yield json.dumps(arguments, allow_nan=False).encode() + b"\n"
        except (TypeError, ValueError) as error:
            raise UsageError(f"the arguments of call {number} are not JSON: {error}") from None


def simple_range(iterables: tuple[Iterable[Any], ...]) -> list[int] | None:
    """First, last and step, where the only iterable is a range that grows."""
    if len(iterables) == 1 and isinstance(only := iterables[0], range) and only and only.step > 0:
        return [only[0], only[-1], only.step]
    return None


def parts(found: Iterable[bytes]) -> Iterable[tuple[bytes, bool]]:
    """Lines in pieces that fit into a request, and whether there are more."""
    data = bytearray()
    for line in found:
        if data and len(data) + len(line) > PART:
            yield bytes(data), True
            data.clear()
        data += line
    yield bytes(data), False
