"""In a process of its own: the client of Dask, whose loop is in a thread. labd calls, and is told of news."""

import logging
import platform
from typing import Any

import distributed
from distributed import Client, Future

from labd import worker
from labd_dask import VERSION, far
from labd_dask.cluster import Cluster, Gone

PATIENCE = 10.0
"""Seconds for an answer of a scheduler or of workers."""

Said = list[str]
"""State, reason and place of a task."""


class _Line(logging.LogRecord):
    """What Dask logs goes to labd's log: in a line, since a scheduler that is away is no defect."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.exc_info = None


logging.setLogRecordFactory(_Line)


class Helper:
    """Its public methods are what the driver calls. All raise :class:`Gone` while there is no cluster."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._cluster = Cluster(options)
        self._spool, self._topic = options["spool"], options["topic"]
        self._client: Client | None = None
        self._futures: dict[str, Future] = {}

    def connect(self) -> str:
        """What is to be said of the versions, if anything. Raises Gone, also for those that do not fit."""
        return self._check(self._connected())

    def submit(self, tasks: list[tuple[str, bytes, dict[str, float]]]) -> None:
        """Have these run: key, task and what of Dask's resources each takes."""
        client = self._connected()
        for key, task, resources in tasks:
            self._futures[key] = future = client.submit(
                far.run, key, task, self._spool, self._topic, key=f"labd-{key}", pure=False, retries=0,
                resources=resources or None,
            )  # fmt: skip
            future.add_done_callback(lambda _: worker.notify("changed"))

    def look(self, keys: list[str]) -> dict[str, Said]:
        """How these stand as far as Dask knows; ``none`` is what it will not run (any more)."""
        self._connected()
        return {key: self._look(key) for key in keys}

    def find(self, asked: dict[str, list[str]]) -> dict[str, Said]:
        """How tasks stand that Dask knows nothing of, by the spools of the machines that had them."""
        client = self._connected()
        places = far.by_identity(self._run(client, far.versions, self._spool))
        found: dict[str, Said] = {}
        for identity, keys in asked.items():
            place = places.get(identity)
            told = self._run(client, far.stand, keys, self._spool, identity, workers=[place]) if place else {}
            stands = told.get(place, {}) if place else {}
            away = ["unknown", "the machine that it was given to is not among Dask's workers", ""]
            found |= {key: [stands[key], "", place or ""] if key in stands else away for key in keys}
        return found

    def bring(self, key: str, place: str) -> dict[str, bytes]:
        """What the task *key* left; *place* is the worker that sees it, empty where Dask brought it."""
        if not place:
            return dict(self._futures[key].result(timeout=PATIENCE)["files"])
        found = self._run(self._connected(), far.bring, key, self._spool, workers=[place]).get(place)
        if not isinstance(found, dict):
            raise Gone(f"worker {place} does not answer: {found}")
        return found

    def cancel(self, keys: list[str]) -> None:
        """End these, wherever they are."""
        client = self._connected()
        self._run(client, far.stop, keys, self._spool)
        waiting = [f for key in keys if (f := self._futures.get(key)) is not None and f.status == "pending"]
        client.cancel(waiting, force=True)

    def forget(self, keys: list[str]) -> None:
        """These are recorded."""
        for key in keys:
            self._futures.pop(key, None)
        self._run(self._connected(), far.drop, keys, self._spool)

    def answer(self, told: dict[str, dict[str, bool]]) -> None:
        """Whether the workers at these places may begin these tasks. One that does not hear asks again."""
        for place, keys in told.items():
            self._run(self._connected(), far.answer, keys, workers=[place])

    # -- the cluster -----------------------------------------------------------------------------

    def _connected(self) -> Client:
        if self._client is not None and self._client.status == "running":
            return self._client
        self._leave()
        client = self._cluster.client()
        client.subscribe_topic(self._topic, self._heard)
        try:
            self._check(client)
        except Gone:
            client.close(timeout=1)
            raise
        self._client = client
        return client

    def _leave(self) -> None:
        """What Dask had of us it has no more: which tasks those are is looked up in the spools."""
        client, self._client = self._client, None
        self._futures.clear()
        if client is not None:
            client.close(timeout=1)

    def _heard(self, event: tuple[float, dict[str, str]]) -> None:
        _, said = event
        worker.notify("asked", key=said["key"], spool=said["spool"], place=said["worker"])

    def _check(self, client: Client) -> str:
        """Whether versions fit: what differs and may be borne. Raises Gone."""
        info = client.get_versions()
        theirs = {"the scheduler": info["scheduler"]["packages"]["distributed"]}
        python = platform.python_version().rpartition(".")[0]
        said = []
        for place, one in self._run(client, far.versions, self._spool).items():
            if not isinstance(one, dict) or one["labd-dask"] != VERSION:
                raise Gone(f"Dask's worker {place} has no labd-dask of this release: {one}")
            theirs[f"worker {place}"] = one["distributed"]
            if one["python"] != python:
                said.append(f"worker {place} has Python {one['python']}, labd {python}")
        for place, version in theirs.items():
            if version != distributed.__version__:
                raise Gone(f"{place} of Dask has distributed {version}, labd {distributed.__version__}")
        return "; ".join(said)

    def _run(self, client: Client, function: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        """What workers answer, those that do not left out. Raises Gone."""
        try:
            return dict(client.run(function, *arguments, on_error="return", **options))
        except (OSError, TimeoutError, ValueError) as error:
            raise Gone(f"Dask does not answer: {error}") from None

    def _look(self, key: str) -> Said:
        future = self._futures.get(key)
        if future is None:
            return ["none", "", ""]
        if future.status == "finished":
            found = future.result(timeout=PATIENCE)
            return ["none" if found["state"] == "never" else found["state"], "", found["place"]]
        if future.status == "error":
            return ["none", f"Dask could not run it: {future.exception(timeout=PATIENCE)!r}", ""]
        return ["waiting" if future.status == "pending" else "none", "", ""]
