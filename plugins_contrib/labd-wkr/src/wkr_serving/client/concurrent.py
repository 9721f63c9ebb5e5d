"""A pool of clients for threads."""

from __future__ import annotations

import queue
from typing import Any, Self

from wkr_serving.client.client import WKRClient


class ConcurrentWKRClient:
    """*max_concurrency* clients that threads share. With all of them busy a call waits up to *retry* times
    *retry_gap* seconds, and raises RuntimeError then.
    """

    def __init__(
        self, max_concurrency: int = 10, retry: int = 0, retry_gap: float = 0.05, **options: Any
    ) -> None:
        self.available_bc = [WKRClient(**options) for _ in range(max_concurrency)]
        self.max_concurrency, self.retry, self.retry_gap = max_concurrency, retry, retry_gap
        self._free: queue.LifoQueue[WKRClient] = queue.LifoQueue()
        for client in self.available_bc:
            self._free.put(client)

    def encode(self, *arguments: Any, **options: Any) -> Any:
        """As :meth:`WKRClient.encode`."""
        client = self._take()
        try:
            return client.encode(*arguments, **options)
        finally:
            self._free.put(client)

    @property
    def server_status(self) -> dict[str, Any]:
        return self._ask("server_status")

    @property
    def status(self) -> dict[str, Any]:
        return self._ask("status")

    def fetch(self, **options: Any) -> Any:
        raise NotImplementedError("answers of a pool cannot be fetched later: which client's would they be?")

    fetch_all = encode_async = fetch

    def close(self) -> None:
        for client in self.available_bc:
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _ask(self, name: str) -> dict[str, Any]:
        client = self._take()
        try:
            return getattr(client, name)  # type: ignore[no-any-return]
        finally:
            self._free.put(client)

    def _take(self) -> WKRClient:
        try:
            return self._free.get(timeout=self.retry * self.retry_gap or None, block=self.retry > 0)
        except queue.Empty:
            raise RuntimeError(
                "Too many concurrent connections! Try to increase the value of "
                f'"max_concurrency", currently ={self.max_concurrency}'
            ) from None
