"""Small HTTP requests a second: a route of labd's server, Starlette on it, and Starlette on uvicorn.

The load comes from another process, over connections that are kept open, one request on each at a time.
A file http.py in this folder would hide Python's own.
"""

import importlib.util
import os
import select
import socket
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from typing import Any

from daemon import describe

CONNECTIONS, SECONDS, ROUNDS = 32, 2.0, 5
SERVERS = {
    "labd, a route": "/hello",
    "labd, Starlette": "/app/hello",
    "uvicorn, Starlette": "/app/hello",
}
ASK = "GET {} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nUser-Agent: bench\r\n\r\n"
ANSWER = b'{"hello":"world"}'


# -- the load ------------------------------------------------------------------------------------


def load(port: int, path: str) -> tuple[float, float]:
    """Requests a second, and the 99th percentile of their seconds."""
    ask, poll = ASK.format(path).encode(), select.epoll()
    clients: dict[int, socket.socket] = {}
    asked: dict[int, float] = {}
    partial: defaultdict[int, bytes] = defaultdict(bytes)
    for _ in range(CONNECTIONS):
        client = socket.create_connection(("127.0.0.1", port))
        clients[client.fileno()] = client
        poll.register(client, select.EPOLLIN)
        asked[client.fileno()] = time.perf_counter()
        client.sendall(ask)
    seconds: list[float] = []
    began = time.perf_counter()
    while (now := time.perf_counter()) < began + SECONDS:
        for number, _ in poll.poll(1.0):
            partial[number] += clients[number].recv(65_536)
            if not partial[number].endswith(ANSWER):
                continue  # uvicorn sends the head by itself
            partial[number] = b""
            done = time.perf_counter()
            seconds.append(done - asked[number])
            asked[number] = done
            clients[number].send(ask)
    for client in clients.values():
        client.close()
    return len(seconds) / (now - began), statistics.quantiles(seconds, n=100)[98]


# -- the servers ---------------------------------------------------------------------------------


def starlette(path: str) -> Any:
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def hello(request: Any) -> Any:
        return JSONResponse({"hello": "world"})

    return Starlette(routes=[Route(path, hello)])


def serve_labd(sock: socket.socket) -> None:
    import trio

    from labd.api.http import Mount, Response, Route
    from labd.api.methods import Peer, Role
    from labd.http.limits import Limits
    from labd.http.router import Router
    from labd.http.server import Entrance, Server, Tally
    from labd.http.site import Site

    async def hello(request: Any) -> Response:
        return Response.json({"hello": "world"})

    limits, router = Limits(), Router()
    router.add(
        [
            Route(method="GET", path="/hello", handler=hello, quick=True),
            Mount(prefix="/app", app=starlette("/hello")),
        ]
    )
    peer = Peer(pid=0, uid=0, gid=0, role=Role.VIEW)
    site = Site(router, lambda exchange, origin: peer)
    trio.run(Server([Entrance(sock, site)], lambda: limits, Tally()).run)


def serve_uvicorn(sock: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(starlette("/app/hello"), log_level="critical", access_log=False)
    uvicorn.Server(config).run(sockets=[sock])  # not fd=: taken for a Unix socket, it waits for delayed ACKs


def serve(name: str, fd: int) -> None:
    sock = socket.socket(fileno=fd)
    sock.setblocking(False)
    (serve_uvicorn if name.startswith("uvicorn") else serve_labd)(sock)


# -- the comparison ------------------------------------------------------------------------------


def measured(name: str, path: str) -> tuple[float, float]:
    """One round: a fresh server in a process, and the load in another."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    port = listening.getsockname()[1]
    command = [sys.executable, __file__, "serve", name, str(listening.fileno())]
    server = subprocess.Popen(command, pass_fds=[listening.fileno()])
    try:
        with socket.create_connection(("127.0.0.1", port)) as client:  # warm, and surely there
            client.sendall(ASK.format(path).encode())
            client.recv(4096)
        words = [sys.executable, __file__, "load", str(port), path]
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    finally:
        server.kill()
        server.wait()
        listening.close()
    rate, late = map(float, done.stdout.split())
    return rate, late


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
        return
    if sys.argv[1:2] == ["load"]:
        print(*load(int(sys.argv[2]), sys.argv[3]))
        return
    describe(__doc__)
    chosen = dict(SERVERS)
    if importlib.util.find_spec("uvicorn") is None:
        print("uvicorn is left out: pip install labd[web]")
        del chosen["uvicorn, Starlette"]
    compare(chosen)


def compare(chosen: dict[str, str]) -> None:
    busy = os.getloadavg()[0]
    print(f"{CONNECTIONS} connections, median of {ROUNDS} rounds of {SECONDS:g} s; load {busy:.1f}")
    rounds = [{name: measured(name, path) for name, path in chosen.items()} for _ in range(ROUNDS)]
    for name in chosen:
        rates = [each[name][0] for each in rounds]
        late = statistics.median(each[name][1] for each in rounds)
        ratio = statistics.median(each[name][0] / each[list(chosen)[-1]][0] for each in rounds)
        print(
            f"{name:<20} {statistics.median(rates):8.0f}/s ({min(rates):.0f} to {max(rates):.0f})  "
            f"p99 {late * 1000:5.2f} ms  {ratio:5.2f} x {list(chosen)[-1]}"
        )
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
