"""Calls in labd, through its client. Nothing else in this package knows that client."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from labd.dljob.work import Done, Failure, Work
from labd.errors import Refused


class Labd:
    """The target that outlives this program. *connect* gives a client for a socket; None is the usual one."""

    def __init__(self, socket: str | None = None, connect: Callable[[str | None], Any] | None = None) -> None:
        self._socket, self._connect = socket, connect or _client

    def run(self, work: Work) -> Iterator[Done]:
        """As :meth:`labd.dljob.work.Target.run`; the map is submitted when this returns."""
        found = self._connect(self._socket).map(f"{work.module}:{work.function}", **options(work))
        return (_done(record) for record in found.results())


def _client(socket: str | None) -> Any:
    try:
        module = import_module("labd.client")
    except ModuleNotFoundError as error:
        if error.name != "labd.client":
            raise
        raise Refused(
            "this labd has no client for maps", hint="update labd, or run here: --dev true"
        ) from None
    return module.Client(socket)


def options(work: Work) -> dict[str, Any]:
    """What the client is told besides the function: only what differs from its own defaults."""
    wanted: dict[str, Any] = {
        "name": work.name, "modules": list(work.modules), "data": list(work.data),
        "requirements": list(work.requirements), "path": list(work.path), "gpus": work.gpus,
        "memory": work.memory, "concurrency": work.concurrency, "time_limit": work.time_limit,
        "retries": work.retries,
    }  # fmt: skip
    found = {key: value for key, value in wanted.items() if value}
    lists = {"args_list": [list(args) for args in work.args_list], "kwargs_list": work.kwargs_list}
    return {**lists, **found, "cpus": work.cpus}


def _done(record: dict[str, Any]) -> Done:
    error = record.get("error")
    logs = str(record.get("logs") or "")
    if error is None:
        return Done(record["index"], record.get("result"), None, logs)
    if not isinstance(error, dict):
        error = {"message": str(error)}
    kept = (str(error.get(key) or "") for key in ("type", "message", "traceback"))
    return Done(record["index"], None, Failure(*kept), logs)
