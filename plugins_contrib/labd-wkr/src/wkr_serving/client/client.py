"""The client of old programs: one item in, one answer out, by two connections."""

from __future__ import annotations

import json
import pickle
import threading
import time
import uuid
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Self

import numpy as np
from labd_wkr import unpickle
from labd_wkr.talk import Talk

__version__ = "1.0.0-b"

RETRY = 0.05
"""Seconds between tries to reach a server that is not there yet."""


class Response(NamedTuple):
    """An answer: ``error_code`` is 0, or 1 with the server's words in ``error_message``."""

    id: str
    embedding: Any
    error_code: int
    error_message: str


class WKRClient:
    """Asks the server at *ip*. *timeout* is milliseconds, -1 for ever. Not to be shared between threads.

    Unless *ignore_all_checks*, the constructor asks the server for its status, and raises AttributeError for
    another protocol or version.
    """

    def __init__(
        self,
        ip: str = "localhost",
        port: int = 5555,
        port_out: int = 5556,
        protocol: str = "obj",
        show_server_config: bool = False,
        identity: bytes | None = None,
        check_version: bool = True,
        check_length: bool = False,
        ignore_all_checks: bool = False,
        timeout: int = 15 * 60 * 1000,
    ) -> None:
        if protocol not in ("obj", "numpy", "npy"):
            raise AttributeError('"protocol" must be "obj" or "numpy"')
        if identity is not None and not isinstance(identity, bytes):
            raise TypeError(f"identity is bytes, not {type(identity).__name__}")
        self.ip, self.port, self.port_out, self.timeout = ip, port, port_out, timeout
        self.protocol = "numpy" if protocol == "npy" else protocol
        self.identity = identity or str(uuid.uuid4()).encode("ascii")
        self.request_id = 0
        self.pending_request: set[str] = set()
        self.pending_response: dict[str, Response] = {}
        self.length_limit: int | None = 0
        self._links: tuple[Talk, Talk] | None = None
        if not ignore_all_checks:
            self._check(check_version, check_length, show_server_config)

    # -- asking ----------------------------------------------------------------------------------

    def encode(self, data: Any, blocking: bool = True, target_request_id: Any = None) -> Any:
        """The answer for one item; None at once when not *blocking*.

        Raises Exception with the server's words, TimeoutError, ConnectionError.
        """
        number = self._send(*self._packed(data), target_request_id)
        if not blocking:
            return None
        answer = self._receive(number)
        if answer.error_code:
            raise Exception(answer.error_message)
        return answer.embedding

    def fetch(self, delay: float = 0.0) -> Iterator[Response]:
        """Answers in the order in which they come, while any is owed."""
        time.sleep(delay)
        while self.pending_request:
            yield self._receive(None)

    def fetch_all(
        self,
        sort: bool = True,
        concat: bool = False,
        parse_id_func: Callable[[Response], Any] | None = None,
        return_id: bool = False,
    ) -> Any:
        """All answers that are owed, in the order of the requests; None where there was an error."""
        if not self.pending_request:
            return None
        found = list(self.fetch())
        for each in found:
            if each.error_code:
                warnings.warn(
                    f"Request with id: {each.id}\nRaised an error:\n{each.error_message}", stacklevel=2
                )
        if sort:
            found.sort(key=parse_id_func or _order)
        if return_id:
            return [(each.id, each.embedding) for each in found]
        return (
            self._joined([each.embedding for each in found]) if concat else [each.embedding for each in found]
        )

    def encode_async(
        self,
        batch_generator: Iterable[Any],
        max_num_batch: int | None = None,
        delay: float = 0.1,
        **options: Any,
    ) -> Iterator[Response]:
        """Send what *batch_generator* gives from a thread; answers as they come, to the last one."""

        def send() -> None:
            for number, item in enumerate(batch_generator):
                if number == max_num_batch:
                    break
                self.encode(item, blocking=False, **options)

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        time.sleep(delay)
        while thread.is_alive() or self.pending_request:
            if self.pending_request:
                yield self._receive(None)
            else:
                thread.join(0.001)

    @property
    def server_status(self) -> dict[str, Any]:
        """What the server says of itself."""
        number = self._send(b"SHOW_CONFIG", b'"{}"')
        answer = self._receive(number)
        return answer.embedding  # type: ignore[no-any-return]

    @property
    def status(self) -> dict[str, Any]:
        """What this client has done."""
        return {
            "identity": self.identity,
            "num_request": self.request_id,
            "num_pending_request": len(self.pending_request),
            "pending_request": self.pending_request,
            "port": self.port,
            "port_out": self.port_out,
            "server_ip": self.ip,
            "client_version": __version__,
            "timeout": self.timeout,
        }

    def close(self) -> None:
        """Leave; the server works no more on what is owed."""
        links, self._links = self._links, None
        for each in links or ():
            each.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- inside ----------------------------------------------------------------------------------

    def _check(self, version: bool, length: bool, show: bool) -> None:
        status = self.server_status
        if status["protocol"] != self.protocol:
            raise AttributeError(
                f'the server speaks "{status["protocol"]}", and this client "{self.protocol}"'
            )
        if version and status["server_version"] != __version__:
            raise AttributeError(
                f"the server's version is {status['server_version']}, the client's {__version__}; "
                'to go on all the same, use "WKRClient(check_version=False)"'
            )
        if length:
            limit = status["target_max_seq_len"]
            self.length_limit = None if limit is None else int(limit)
        if show:
            print(
                "server config:", *(f"{key:>30}\t=\t{value!s:<30}" for key, value in status.items()), sep="\n"
            )

    def _packed(self, data: Any) -> tuple[bytes, bytes]:
        if isinstance(data, bytes) and data in (b"TERMINATION", b"SHOW_CONFIG"):
            return data, b'"{}"'
        if self.protocol == "numpy":
            array = np.ascontiguousarray(data)
            return array.tobytes(), json.dumps({"dtype": str(array.dtype), "shape": array.shape}).encode()
        return pickle.dumps(data, 4), b'{"protocol":4,"compress":0}'

    def _send(self, data: bytes, info: bytes, target: Any = None) -> str:
        self.request_id += 1
        number = str(target if target else self.request_id)
        asking, _ = self._connected()
        self.pending_request.add(number)
        asking.send([self.identity, number.encode(), data, info])
        return number

    def _connected(self) -> tuple[Talk, Talk]:
        """Both connections; waits for a server that is not there yet, as long as ``timeout`` says."""
        seconds = self._seconds()
        until = None if seconds is None else time.monotonic() + seconds
        while self._links is None:
            try:
                hearing = Talk(b"SUB", self.ip, self.port_out, seconds)
                hearing.subscribe(self.identity)
                self._links = Talk(b"PUSH", self.ip, self.port, seconds), hearing
            except OSError as error:
                if until is not None and time.monotonic() + RETRY > until:
                    raise TimeoutError(
                        f"no server at {self.ip}:{self.port} and {self.port_out}: {error}"
                    ) from None
                time.sleep(RETRY)
        return self._links

    def _receive(self, wanted: str | None) -> Response:
        try:
            while True:
                if wanted in self.pending_response:
                    return self.pending_response.pop(wanted)
                answer = self._next()
                self.pending_request.discard(answer.id)
                if wanted in (None, answer.id):
                    return answer
                self.pending_response[answer.id] = answer
        except ConnectionError:
            self.close()
            self.pending_request.clear()
            raise
        finally:
            self.pending_request.discard(wanted or "")

    def _next(self) -> Response:
        """The next answer that is this client's: an identity that begins as this one's is another's."""
        while True:
            identity, number, data, info = self._connected()[1].receive(self._seconds())
            if identity == self.identity:
                return _response(number.decode(), data, info)

    def _seconds(self) -> float | None:
        return None if self.timeout < 0 else self.timeout / 1000

    def _joined(self, values: list[Any]) -> Any:
        return (
            np.concatenate(values)
            if self.protocol == "numpy"
            else [item for value in values for item in value]
        )


def _response(number: str, data: bytes, info: bytes) -> Response:
    if info == b"EXCEPTION":
        return Response(number, None, 1, data.decode(errors="replace"))
    kind = json.loads(info)
    if "dtype" in kind:
        return Response(number, np.frombuffer(data, kind["dtype"]).reshape(kind["shape"]), 0, "success")
    return Response(
        number, unpickle.loads(zlib.decompress(data) if kind.get("compress") else data), 0, "success"
    )


def _order(answer: Response) -> Any:
    """Requests by number; those with a name of their own after them."""
    return (0, int(answer.id), "") if answer.id.isdigit() else (1, 0, answer.id)
