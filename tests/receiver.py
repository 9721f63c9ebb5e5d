"""A real web server in this process that receives notifications."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Receiver:
    """Keeps what is posted to it. *answer* is the status that it gives; None: it never answers."""

    def __init__(self, answer: int | None = 204, port: int = 0) -> None:
        self.answer = answer
        self.got: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.asked = 0
        self._over = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._take(self)

            def log_message(self, *_: Any) -> None:
                pass

        ThreadingHTTPServer.daemon_threads = True
        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.asked += 1
        if self.answer is None:
            self._over.wait(60)
            return
        if self.answer < 300:
            self.got.append(json.loads(body))
            self.headers.append(dict(request.headers))
        request.send_response(self.answer)
        if self.answer in (301, 302):
            request.send_header("Location", self.url)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
