"""The way into labd for a program."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from labd import shipping
from labd.client import spec as specs
from labd.client.link import Link
from labd.client.maps import Map
from labd.client.models import Model


class Client:
    """The daemon at *socket* (None: ``$LABD_SOCKET``, else the user's or the machine's).

    May be shared by threads. Raises Unreachable when no daemon answers; later it waits for one that is gone,
    if it is *patient*.
    """

    def __init__(self, socket: str | None = None, *, patient: bool = True) -> None:
        self._link = Link(socket, patient=patient)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections. Maps go on."""
        self._link.close()

    def map(
        self,
        function: Callable[..., Any] | str,
        *iterables: Iterable[Any],
        kwargs: Mapping[str, Any] | None = None,
        progress: bool | None = None,
        **options: Any,
    ) -> Map:
        """Call *function* with one argument of each of *iterables*, as ``map`` does, and *kwargs* each time.

        *function* is a function, or ``"module:name"``. Arguments and results are JSON. *options* are
        ``name``, ``cpus``, ``memory`` and ``gpus`` (of a worker), ``time_limit``, ``concurrency``,
        ``retries``, ``modules``, ``requirements``, ``python``, ``cwd``, ``path``, ``env``,
        ``grouped_results``, ``keep_arguments``, ``engine`` (where calls are made: ``"local"``, or one that a
        plugin offers), ``repeat`` (False: no call again that may have been made), ``sandbox``, and ``data``:
        names of files below ``cwd`` that go along as they are now (see :func:`labd.worker.data`); engines
        take neither of these two. *progress* asks for a bar on stderr; None: on a terminal.
        Durable on return. Raises UsageError, NotFound, Refused.
        """
        spec = specs.spec_of(function, kwargs, options)
        if files := specs.files_of(spec, options):
            spec["data"] = shipping.put(self._link.call, files)
        if (bounds := specs.simple_range(iterables)) is not None:
            return self._submitted({**spec, "range": bounds}, [(b"", False)], progress)
        return self._submitted(spec, specs.parts(specs.lines(iterables)), progress)

    def submit(self, function: Callable[..., Any] | str, *args: Any, **kwargs: Any) -> Map:
        """One call: a map with one result. Options are those of :meth:`map`, by way of it."""
        return (
            self.map(function, *([each] for each in args), kwargs=kwargs)
            if args
            else self._single(function, kwargs)
        )

    def get(self, ref: int | str) -> Map:
        """The map with this id, or the newest of this name. Raises NotFound."""
        return Map(self._link, self._link.call("map.show", {"map": ref})["map"])

    def maps(self) -> list[Map]:
        """The newest hundred, the newest first."""
        return [Map(self._link, view) for view in self._link.call("map.list")["maps"]]

    def model(self, name: str, version: str = "") -> Model:
        """The model *name*: call it with arrays. Nothing is asked before that."""
        return Model(self._link, name, version)

    def models(self) -> list[dict[str, Any]]:
        """Every version of every model, and how it stands."""
        found: list[dict[str, Any]] = self._link.call("model.list")["models"]
        return found

    def call(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """Any method of the daemon; Unreachable when it is gone, since it may not be one to make twice."""
        return self._link.call(method, params, patient=False)

    def _single(self, function: Callable[..., Any] | str, kwargs: Mapping[str, Any]) -> Map:
        spec = specs.spec_of(function, kwargs, {})
        return self._submitted(spec, [(b"[]\n", False)], None)

    def _submitted(
        self, spec: dict[str, Any], parts: Iterable[tuple[bytes, bool]], progress: bool | None
    ) -> Map:
        found = iter(parts)
        data, more = next(found)
        key = os.urandom(16).hex()
        ask = {"spec": spec, "arguments": data, "more": more, "key": key}
        view = self._link.call("map.submit", ask)["map"]
        try:
            self._extend(view["id"], len(data), found)
        except BaseException:
            if more:
                self._link.call("map.cancel", {"map": view["id"], "reason": "its arguments did not all come"})
            raise
        return Map(self._link, view, progress)

    def _extend(self, number: int, at: int, parts: Iterable[tuple[bytes, bool]]) -> None:
        for data, more in parts:
            ask = {"map": number, "at": at, "arguments": data, "more": more}
            self._link.call("map.extend", ask)
            at += len(data)
