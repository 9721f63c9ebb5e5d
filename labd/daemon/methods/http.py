"""``http.*``: where labd answers over HTTP, and the caller's token for it."""

from typing import Any, Protocol

from labd.api.methods import Call, Method
from labd.errors import Conflict


class Web(Protocol):
    """What the methods need of the web server."""

    enabled: bool
    problem: str
    urls: list[str]

    def token(self, uid: int) -> str: ...


class HttpMethods:
    """The handlers."""

    def __init__(self, web: Web) -> None:
        self._web = web

    def all(self) -> list[Method]:
        return [
            Method("http.show", self.show, doc="Where labd answers over HTTP."),
            Method("http.token", self.token, doc="The caller's own token for HTTP. On the socket only."),
        ]

    async def show(self, call: Call, ask: object) -> dict[str, Any]:
        return {"enabled": self._web.enabled, "urls": self._web.urls, "problem": self._web.problem}

    async def token(self, call: Call, ask: object) -> dict[str, Any]:
        if not self._web.enabled:
            raise Conflict("labd does not answer over HTTP", hint="http.enabled = true in labd.toml")
        return {"token": self._web.token(call.peer.uid), "user": call.peer.name}
