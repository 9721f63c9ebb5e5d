"""Calls in labd, through its client. Nothing else in this package knows that client."""

import os
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from labd.dljob.work import Done, Failure, News, Said, Work
from labd.errors import Refused

OPTIONS = ("modules", "requirements", "gpus", "memory", "concurrency", "time_limit", "retries")
"""What the client is told of a :class:`Work` where it is not empty; its own names for it are the same."""


class Labd:
    """The target that outlives this program. *connect* gives a client for a socket; None is the usual one."""

    def __init__(self, socket: str | None = None, connect: Callable[[str | None], Any] | None = None) -> None:
        self._socket, self._connect = socket, connect or _client

    def run(self, work: Work) -> Iterator[News]:
        """As :meth:`labd.dljob.work.Target.run`; the map is durable when this returns."""
        found = _submitted(self._connect(self._socket), work)
        return _news(found)


def _client(socket: str | None) -> Any:
    try:
        module = import_module("labd.client")
    except ModuleNotFoundError as error:
        if error.name != "labd.client":
            raise
        raise Refused("this labd has no client for maps", hint="update it, or run here: --dev true") from None
    return module.Client(socket)


def _submitted(client: Any, work: Work) -> Any:
    """The map of *work*. With keywords it is one call, whose arguments are a list for each place."""
    function, columns = f"{work.module}:{work.function}", [*zip(*work.args_list, strict=True)]
    options = {"name": work.name, "cpus": work.cpus, "kwargs": work.kwargs(0)}
    for name in OPTIONS:
        if value := getattr(work, name):
            options[name] = list(value) if isinstance(value, tuple) else value
    if columns:
        return client.map(function, *columns, **options)
    return _without_arguments(client, function, options)


def _without_arguments(client: Any, function: str, options: dict[str, Any]) -> Any:
    """A map with one call that takes no list of arguments, which ``Client.map`` has no way to say."""
    spec = import_module("labd.client.spec").spec_of(function, options.pop("kwargs"), options)
    ask = {"spec": spec, "arguments": b"[]\n", "key": os.urandom(16).hex()}
    return client.get(client.call("map.submit", ask)["map"]["id"])


def _news(found: Any) -> Iterator[News]:
    for result in found.as_completed():
        yield Done(result.index, result.result, _failure(result.error))
    for record in found.logs():
        yield Said(record["index"], record["text"])


def _failure(error: dict[str, Any] | None) -> Failure | None:
    if error is None:
        return None
    return Failure(*(str(error.get(key) or "") for key in ("type", "message", "traceback")))
