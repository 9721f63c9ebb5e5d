"""A scripted daemon: a unix socket, a thread, and the answers that a test wants."""

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack

from labd.errors import LabdError, NotFound

HELLO = {"labd": "0.1.0", "protocol": 1, "epoch": "e1", "pid": 1, "user": "anna", "role": "admin"}

DEFAULTS = {"snapshot_groups": [], "max_snapshot": 2**30}


class Hangup(Exception):
    """An answer that is none: the daemon closes the connection."""


class FakeDaemon:
    """Answers each method with a value, an error, or what a function of the params returns."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.answers: dict[str, Any] = {"hello": HELLO, "job.defaults": DEFAULTS}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.events: list[dict[str, Any]] = []
        self._peers: list[socket.socket] = []
        self.start()

    def start(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Go away as a killed daemon does, but for the socket file."""
        _end(self._listener)
        Path(self.path).unlink(missing_ok=True)  # before a client sees the end
        for peer in self._peers:
            _end(peer)
        self._peers.clear()

    def params(self, method: str) -> list[dict[str, Any]]:
        return [params for name, params in self.calls if name == method]

    def on(self, method: str, answer: Any) -> None:
        self.answers[method] = answer

    def script(self, method: str, *answers: Any) -> None:
        """One answer after the other; the last one stays."""
        rest = list(answers)
        self.on(method, lambda params: _made(rest.pop(0) if len(rest) > 1 else rest[0], params))

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                self._peers.append(peer)
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        unpacker = msgpack.Unpacker()
        with contextlib.suppress(OSError, Hangup):
            while data := peer.recv(65536):
                unpacker.feed(data)
                for message in unpacker:
                    if message[0] == 0:
                        self._answer(peer, *message[1:])
        with contextlib.suppress(OSError):
            peer.shutdown(socket.SHUT_RDWR)
        peer.close()

    def _answer(self, peer: socket.socket, number: int, method: str, params: list[Any]) -> None:
        asked = params[0] if params else {}
        self.calls.append((method, asked))
        try:
            reply = [1, number, None, _made(self._find(method), asked)]
        except LabdError as error:
            reply = [1, number, error.as_wire(), None]
        peer.sendall(msgpack.packb(reply))
        if method == "subscribe":
            fresh = [e for e in self.events if e["seq"] > (asked.get("since") or 0)]
            notice = [2, "event", [{"subscription": 1, "events": fresh}]]
            peer.sendall(msgpack.packb(notice))

    def _find(self, method: str) -> Any:
        if method not in self.answers:
            return NotFound(f"there is no method {method}")
        return self.answers[method]


def _end(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


def _made(answer: Any, params: dict[str, Any]) -> Any:
    if isinstance(answer, Exception):
        raise answer
    if isinstance(answer, Callable):  # type: ignore[arg-type]
        return _made(answer(params), params)
    return answer


def job(number: int = 12, **changes: Any) -> dict[str, Any]:
    """A job view with every field."""
    view = {
        "id": number,
        "name": "train",
        "kind": "command",
        "state": "running",
        "user": "anna",
        "uid": 1000,
        "priority": 0,
        "argv": ["python", "train.py"],
        "cwd": "/data",
        "cpus": 2.0,
        "memory": 8 * 2**30,
        "gpus": 0,
        "gpu_ids": [],
        "vram": 0,
        "time_limit": None,
        "retries": 0,
        "retry_on": [],
        "begin": None,
        "after": [],
        "group": "",
        "tags": [],
        "notify": [],
        "attempt": 1,
        "submitted": NOW - 600,
        "started": NOW - 300,
        "ended": None,
        "exit_code": None,
        "signal": None,
        "reason": "",
        "progress": None,
        "metrics": {},
        "eta": None,
        "waiting_for": "",
        "warning": "",
    }
    return {**view, **changes}


NOW = 1_790_000_000.0
"""2026-09-21 14:13:20 UTC"""


def queued(number: int, **changes: Any) -> dict[str, Any]:
    return job(number, **{"state": "queued", "attempt": 0, "started": None, **changes})


def ended(number: int, state: str, **changes: Any) -> dict[str, Any]:
    return job(number, **{"state": state, "ended": NOW - 60, **changes})
