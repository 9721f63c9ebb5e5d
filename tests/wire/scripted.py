"""A daemon that says what the test wrote: one script for each connection, run in a thread."""

import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from labd.wire.messages import PROTOCOL, Message, Notice, Reply, Request
from labd.wire.session import Session, encode

PATIENCE = 60.0
HELLO = {"labd": "0", "protocol": PROTOCOL, "epoch": "e1", "pid": 1, "user": "u", "role": "admin"}


class Peer:
    """One client, seen from the daemon."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        self._sock = sock
        self._session = Session()
        self._messages: deque[Message] = deque()

    def receive(self) -> Any:
        """The next message; EOFError when the client has closed."""
        while not self._messages:
            data = self._sock.recv(65536)
            if not data:
                raise EOFError
            self._messages.extend(self._session.feed(data))
        return self._messages.popleft()

    def expect(self, method: str) -> Any:
        """The next message, which must be this request or notice."""
        message = self.receive()
        assert message.method == method, message
        return message

    def greet(self, hello: dict[str, Any] = HELLO) -> dict[str, Any]:
        request = self.expect("hello")
        self.reply(request, hello)
        return dict(request.params)

    def reply(self, request: Request, result: Any) -> None:
        self.send(encode(Reply(request.id, None, result)))

    def refuse(self, request: Request, error: dict[str, Any]) -> None:
        self.send(encode(Reply(request.id, error, None)))

    def subscribed(self, request: Request, seq: int, epoch: str = "e1", number: int = 5) -> None:
        self.reply(request, {"subscription": number, "epoch": epoch, "seq": seq, "oldest": 1})

    def events(self, *seqs: int, number: int = 5) -> None:
        events = [{"seq": seq, "kind": "job.started"} for seq in seqs]
        self.send(encode(Notice("event", {"subscription": number, "events": events})))

    def lagged(self, first: int, last: int, number: int = 5) -> None:
        self.send(encode(Notice("lagged", {"subscription": number, "first": first, "last": last})))

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def close(self) -> None:
        self._sock.close()

    def reset(self) -> None:
        """Close with data unread, as a daemon does that is killed."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def wait_closed(self) -> list[Message]:
        """Whatever the client still said until it closed."""
        said = []
        try:
            while True:
                said.append(self.receive())
        except (EOFError, ConnectionError):
            return said


Script = Callable[[Peer], None]


class Daemon:
    """Listens at *path* and follows *scripts*, one a connection; then it stops listening."""

    def __init__(self, path: str, *scripts: Script) -> None:
        self.path = path
        self._scripts = scripts
        self._failure: BaseException | None = None
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.bind(path)
        self._sock.listen()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Daemon":
        self._thread.start()
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            self._thread.join(PATIENCE)
            assert not self._thread.is_alive(), "the script has not come to its end"
        self._sock.close()
        if self._failure is not None:
            raise AssertionError("the script failed") from self._failure

    def _run(self) -> None:
        try:
            self._sock.settimeout(PATIENCE)
            for script in self._scripts:
                sock, _ = self._sock.accept()
                with sock:
                    script(Peer(sock))
        except BaseException as failure:
            self._failure = failure
        finally:
            self._sock.close()
