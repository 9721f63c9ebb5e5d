"""The maps of labd as a group meets them, and a request as a page does."""

import hashlib
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import trio
from labd_descartes.doors import Doors
from labd_descartes.groups import Groups
from labd_descartes.pages import Pages
from labd_descartes.settings import Settings

from labd.api import Call, Conflict, Method, Peer, Response, Role
from labd.testing import Node


class Ask(msgspec.Struct):
    """Parameters of any kind."""

    map: Any = None
    spec: Any = None
    arguments: bytes = b""
    more: bool = False
    key: str = ""
    offset: int = 0
    wait: float = 0
    at: int = 0
    reason: str = ""
    digests: list[str] = []
    blobs: list[bytes] = []


class Maps:
    """``map.*`` and ``blob.*``; a test tells what comes of a map."""

    def __init__(self) -> None:
        self.specs: list[dict[str, Any]] = []
        self.calls: list[list[Any]] = []
        self.keys: dict[str, int] = {}
        self.results: list[bytes] = []
        self.logs: list[bytes] = []
        self.views: list[dict[str, Any]] = []
        self.cancelled: list[int] = []
        self.blobs: set[str] = set()
        self.peers: list[Peer] = []
        self.news = trio.Event()

    def methods(self) -> list[Method]:
        return [
            Method("map.submit", self.submit, Ask), Method("map.results", self.results_of, Ask),
            Method("map.logs", self.logs_of, Ask), Method("map.cancel", self.cancel, Ask),
            Method("blob.missing", self.missing, Ask), Method("blob.put_all", self.put_all, Ask),
        ]  # fmt: skip

    async def submit(self, call: Call, ask: Ask) -> dict[str, Any]:
        if ask.key not in self.keys:
            self.keys[ask.key] = len(self.specs)
            self.specs.append(ask.spec)
            self.calls.append([json.loads(line) for line in ask.arguments.splitlines()])
            self.results.append(b"")
            self.logs.append(b"")
            self.views.append({"id": len(self.views), "state": "running", "reason": "", "error": None})
            self.peers.append(call.peer)
            self.changed()
        return {"map": self.views[self.keys[ask.key]]}

    async def results_of(self, call: Call, ask: Ask) -> dict[str, Any]:
        while not self.results[ask.map][ask.offset :] and self.views[ask.map]["state"] == "running":
            await self.news.wait()
        return self._read(ask, self.results)

    async def logs_of(self, call: Call, ask: Ask) -> dict[str, Any]:
        return self._read(ask, self.logs)

    def _read(self, ask: Ask, files: list[bytes]) -> dict[str, Any]:
        data, view = files[ask.map][ask.offset :], self.views[ask.map]
        ended = view["state"] != "running" and not data
        return {"map": view, "data": data, "offset": ask.offset + len(data), "ended": ended}

    async def missing(self, call: Call, ask: Ask) -> dict[str, Any]:
        return {"missing": [digest for digest in ask.digests if digest not in self.blobs]}

    async def put_all(self, call: Call, ask: Ask) -> dict[str, Any]:
        found = [hashlib.sha256(blob).hexdigest() for blob in ask.blobs]
        self.blobs.update(found)
        return {"digests": found}

    async def cancel(self, call: Call, ask: Ask) -> dict[str, Any]:
        if ask.map in self.cancelled:
            raise Conflict("it has ended")
        self.cancelled.append(ask.map)
        return {}

    def changed(self) -> None:
        self.news.set()
        self.news = trio.Event()

    def end(self, one: int, state: str = "succeeded", **more: Any) -> None:
        """Map *one* ends."""
        self.views[one] |= {"state": state, **more}
        self.changed()

    def gives(self, one: int, *lines: dict[str, Any], printed: dict[int, str] | None = None) -> None:
        """Results of map *one*, and what was printed before."""
        for index, text in (printed or {}).items():
            self.logs[one] += json.dumps({"index": index, "attempt": 1, "text": text}).encode() + b"\n"
        self.results[one] += b"".join(json.dumps({"seconds": 0.5, **line}).encode() + b"\n" for line in lines)
        self.changed()


class Asked:
    """A request, as a handler sees it."""

    def __init__(
        self,
        body: Any = None,
        token: str = "",
        query: tuple[tuple[str, str], ...] = (),
        params: Mapping[str, str] | None = None,
    ) -> None:
        self._body = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        self.method, self.path, self.connection = "", "", 1
        self.peer = Peer(pid=0, uid=-1, gid=-1)
        self.headers: Mapping[bytes, bytes] = {b"host": b"there:1", b"authorization": token.encode()}
        self.queries, self.query = query, dict(query)
        self.params: Mapping[str, str] = params or {}

    async def body(self) -> bytes:
        return self._body

    async def pieces(self) -> AsyncIterator[bytes]:
        yield self._body


ME = Peer(pid=5, uid=os.getuid(), gid=os.getgid(), name="me", role=Role.SUBMIT)


class Service:
    """The plugin on a node; :meth:`ask` is the SDK."""

    def __init__(self, node: Node, maps: Maps) -> None:
        self.node, self.maps = node, maps
        self.groups, self.doors = Groups(node), Doors(node)
        pages = Pages(self.groups, self.doors, node.clock.wall, node.config.max_bundle)
        self._routes = {(route.method, route.path): route for route in pages.all()}
        self.token = ""

    async def ask(
        self, method: str, path: str, body: Any = None, query: tuple[tuple[str, str], ...] = (), **params: str
    ) -> Any:
        """The answer to a request with the token; bytes where it is no JSON."""
        response = await self.answer(method, path, Asked(body, self.token, query, params))
        assert isinstance(response.body, bytes)
        is_json = response.content_type == "application/json"
        return json.loads(response.body) if is_json else response.body

    async def answer(self, method: str, path: str, request: Asked) -> Response:
        route = self._routes[method, path if path.startswith("/storage") else "/tasks/v1" + path]
        return await route.handler(request)

    async def group(self, code: bytes, **shape: Any) -> str:
        """A group whose bundle has come; its id."""
        made = await self.ask("POST", "/groups", {"function_type": "py_bundle", "mem": "1Gi", **shape})
        secret = made["upload_url"].rpartition("/")[2]
        request = Asked(code, "", (), {"group": made["id"], "secret": secret})
        await self.answer("PUT", "/groups/{group}/bundle/{secret}", request)
        return str(made["id"])

    async def submit(self, group: str, *arguments: Any, retries: int = 0, labels: Any = None) -> list[str]:
        """New tasks with one argument each; their ids."""
        tasks = [
            {"arguments": [each], "parameters": {}, "attributes": {"labels": labels}, "retry_count": retries}
            for each in arguments
        ]
        answer = await self.ask("POST", "/groups/{group}/tasks", {"tasks": tasks}, group=group)
        return [task["id"] for task in answer["tasks"]]

    async def queue(self, group: str) -> tuple[int, int, int]:
        queue = (await self.ask("GET", "/groups/{group}", group=group))["queue"]
        return queue["pending"], queue["successes"], queue["failures"]


@asynccontextmanager
async def serving(
    node: Node | None = None, maps: Maps | None = None, **settings: Any
) -> AsyncIterator[Service]:
    """The plugin as it runs; on a node and maps that were there before it is the next daemon's."""
    if node is None or maps is None:
        node, maps = Node("descartes", Settings(**settings)), Maps()
        for method in maps.methods():
            node.others.add(method)
    service = Service(node, maps)
    async with trio.open_nursery() as nursery:
        await nursery.start(service.groups.run)
        service.token = (await service.doors.token(Call(ME, "", nobody), None))["token"]
        yield service
        nursery.cancel_scope.cancel()


async def nobody(method: str, params: dict[str, Any]) -> None:
    pass
