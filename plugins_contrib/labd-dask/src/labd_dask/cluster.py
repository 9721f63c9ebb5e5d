"""From the settings to a client of Dask; a cluster of our own is made first. In the helper."""

import importlib
from typing import Any

from distributed import Client, LocalCluster, Security

CONNECT = 3.0
"""Seconds that a scheduler has to answer."""


class Gone(Exception):
    """There is no cluster to talk to now."""


class Wrong(Exception):
    """The settings name what cannot be."""


class Cluster:
    """What ``[plugins.dask]`` describes as *options*; its scheduler, if it is ours, lives as long as this."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._made: Any = None

    def client(self) -> Client:
        """A new client. Raises Gone."""
        try:
            return Client(
                self._address(), timeout=CONNECT, security=self._security(), set_as_default=False,
                name="labd",
            )  # fmt: skip
        except (OSError, TimeoutError, ValueError) as error:
            where = self._options["scheduler"] or "its own scheduler"
            raise Gone(f"Dask at {where} does not answer: {error}") from None

    def _address(self) -> str:
        if self._options["scheduler"]:
            return str(self._options["scheduler"])
        if self._made is None:
            self._made = self._queue() if self._options["jobqueue"] else self._local()
        return str(self._made.scheduler_address)

    def _local(self) -> LocalCluster:
        return LocalCluster(
            n_workers=self._options["workers"] or None, threads_per_worker=1, processes=True,
            host="127.0.0.1", dashboard_address=None,
        )  # fmt: skip

    def _queue(self) -> Any:
        place, _, name = f"dask_jobqueue.{self._options['jobqueue']}".rpartition(".")
        try:
            kind = getattr(importlib.import_module(place), name)
        except ImportError as error:
            raise Wrong(f"dask-jobqueue cannot be imported: {error}") from None
        except AttributeError:
            raise Wrong(f"dask-jobqueue has no {name}") from None
        made = kind(
            **{"protocol": "tls://", "security": self._security(), **self._options["jobqueue_options"]}
        )
        made.adapt(minimum_jobs=0, maximum_jobs=self._options["jobqueue_jobs"])
        return made

    def _security(self) -> Security | None:
        if not self._options["tls_ca"]:
            return None
        key, cert = self._options["tls_key"], self._options["tls_cert"]
        return Security(
            tls_ca_file=self._options["tls_ca"], tls_client_cert=cert, tls_client_key=key,
            tls_scheduler_cert=cert, tls_scheduler_key=key, tls_worker_cert=cert, tls_worker_key=key,
            require_encryption=True,
        )  # fmt: skip
