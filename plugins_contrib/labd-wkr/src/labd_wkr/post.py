"""The control ports of a pool of clients: commands in, answers out, the state over HTTP. One thread."""

import json
import selectors
import socket
import threading
import time
from argparse import Namespace
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

from labd_wkr import settling
from labd_wkr.pool import Pool
from labd_wkr.servers import checked
from labd_wkr.zmtp import Limits, Message, Session, ZmtpError, message

TURN = 0.1
"""Seconds between two looks at the processes."""

KEEP = 5.0
"""Seconds that an answer waits for somebody who takes it."""

MAX_HEAD = 8192
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"


class Peer:
    """One connection."""

    def __init__(self, sock: socket.socket, kind: bytes, host: str) -> None:
        self.sock, self.host = sock, host
        self.session = Session(kind, Limits(2**20)) if kind else None
        self.head = b""


class Post:
    """Hears commands for *pool* at ``args.port``, and answers at ``args.port_out``."""

    def __init__(self, pool: Pool, args: Namespace, log: Any, ready: Callable[[], object]) -> None:
        self._pool, self._args, self._log, self._ready = pool, args, log, ready
        self._trusted = [ip_network(network) for network in (*getattr(args, "trust", ()), "127.0.0.0/8")]
        self._stop = threading.Event()
        self._takers: list[Peer] = []
        self._answers: list[tuple[float, bytes]] = []

    def stop(self, *_: object) -> None:
        """Have all finish their jobs, and end."""
        self._stop.set()

    def run(self) -> None:
        """Hold the pool until told to stop."""
        with selectors.DefaultSelector() as self._selector:
            sockets = self._listen()
            settling.inherited(sockets)
            self._pool.begin()
            try:
                self._turn_until(self._stop.is_set)
                self._pool.idle()
                self._turn_until(lambda: self._pool.empty)
            finally:
                self._pool.end()
                for each in [*sockets, *(key.fileobj for key in list(self._selector.get_map().values()))]:
                    each.close()  # type: ignore[union-attr]

    def _listen(self) -> list[socket.socket]:
        args = self._args
        ports = {args.port: b"PULL", args.port_out: b"PUSH"}
        if getattr(args, "http_port", None):
            ports[args.http_port] = b""
        host = "0.0.0.0" if getattr(args, "trust", ()) else "127.0.0.1"
        found = []
        for port, kind in ports.items():
            listener = socket.create_server((host, port))
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ, kind)
            found.append(listener)
        return found

    def _turn_until(self, over: Callable[[], bool]) -> None:
        while not over():
            for key, _ in self._selector.select(TURN):
                if isinstance(key.data, bytes):
                    self._accept(key.fileobj, key.data)
                else:
                    self._hear(key.data)
            self._pool.look()
            self._deliver()
            if self._pool.ready:
                self._ready()

    def _accept(self, listener: Any, kind: bytes) -> None:
        sock, (host, _) = listener.accept()
        if not any(ip_address(host) in network for network in self._trusted):
            self._log.warning(f"{host} is no host that is trusted here")
            sock.close()
            return
        sock.setblocking(False)
        peer = Peer(sock, kind, host)
        self._selector.register(sock, selectors.EVENT_READ, peer)
        if kind == b"PUSH":
            self._takers.append(peer)
        self._flush(peer)

    def _hear(self, peer: Peer) -> None:
        try:
            data = peer.sock.recv(65_536)
            if not data:
                raise ConnectionError("it left")
            if peer.session is None:
                self._page(peer, data)
                return
            for event in peer.session.feed(data):
                if isinstance(event, Message):
                    self._command(event.frames)
            self._flush(peer)
        except (OSError, ZmtpError) as error:
            self._log.debug(f"{peer.host}: {error}")
            self._drop(peer)

    def _flush(self, peer: Peer) -> None:
        if peer.session is not None and peer.session.outgoing:
            peer.sock.send(peer.session.take())

    def _drop(self, peer: Peer) -> None:
        self._selector.unregister(peer.sock)
        peer.sock.close()
        if peer in self._takers:
            self._takers.remove(peer)

    # -- commands --------------------------------------------------------------------------------

    def _command(self, frames: list[bytes]) -> None:
        if len(frames) != 2:
            self._log.error(f"a command has 2 frames, this one {len(frames)}")
            return
        word, data = frames
        match word:
            case b"TERMINATION":
                self.stop()
            case b"IDLE":
                self._pool.idle()
            case b"RESTART_CLIENT":
                self._pool.begin()
            case b"SHOW_CONFIG":
                self._answer(self._config())
            case b"SWITCH":
                self._answer(self._switch(data))
            case _:
                self._log.error(f"{word[:40]!r} is no command")

    def _config(self) -> dict[str, Any]:
        return {
            "port": self._args.port,
            "port_out": self._args.port_out,
            "number_client_per_server": self._pool.count,
            "remote_servers": self._pool.servers,
        }

    def _switch(self, data: bytes) -> dict[str, Any]:
        try:
            wish = json.loads(data)
            servers = wish.get("remote_servers")
            count = wish.get("number_clients") or 0
            if type(count) is not int or not 0 <= count <= 10_000:
                raise ValueError(f"number_clients {count!r} is no number of processes")
            self._pool.switch(checked(servers) if servers else None, count)
        except (ValueError, AttributeError, RecursionError) as error:
            self._log.error(f"a wish to switch that is none: {error}")
            return {"success": False, "error": str(error)}
        return {"success": True}

    def _answer(self, value: Any) -> None:
        self._answers = [
            *self._answers[-99:],
            (time.monotonic() + KEEP, message([json.dumps(value).encode()])),
        ]
        self._deliver()

    def _deliver(self) -> None:
        """Each answer to who connected last, and has none: its asker connects for it. None waits for ever."""
        now = time.monotonic()
        self._answers = [each for each in self._answers if each[0] > now]
        ready = [peer for peer in self._takers if peer.session is not None and peer.session.ready]
        while self._answers and ready:
            peer = ready.pop()
            self._takers.remove(peer)
            try:
                peer.sock.send(self._answers.pop(0)[1])
            except OSError:
                self._drop(peer)

    # -- HTTP ------------------------------------------------------------------------------------

    def _page(self, peer: Peer, data: bytes) -> None:
        peer.head += data
        if b"\r\n\r\n" in peer.head or len(peer.head) > MAX_HEAD:
            body = json.dumps(self._config() | self._pool.view()).encode()
            peer.sock.send(HEAD % len(body) + body)
            self._drop(peer)
