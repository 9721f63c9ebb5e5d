"""The page for people: served whole, allowed to load nothing from anywhere, and the numbers that it draws."""

import base64
import hashlib
from collections.abc import Callable
from importlib.resources import files

import trio

from labd.api import Models, Request, Response, Role, Route
from labd.plugins.serving_http.protocol import speaking


def page() -> Response:
    """The page, with a policy that names its own style and script and nothing else."""
    parts = files("labd.plugins.serving_http") / "page"
    html, style, script = ((parts / f"page.{kind}").read_text() for kind in ("html", "css", "js"))
    body = html.replace("/*STYLE*/", style).replace("/*SCRIPT*/", script)
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    fields = (
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-cache"),
    )
    return Response(body.encode(), content_type="text/html; charset=utf-8", headers=fields)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


class Dashboard:
    """The handlers; *connections* are those of the listener of our own."""

    def __init__(self, models: Callable[[], Models], connections: Callable[[], int | None]) -> None:
        self._models, self._connections = models, connections
        self._page = page()

    def routes(self) -> list[Route]:
        table = [
            ("/serving", self.show, Role.NONE, "Models, to look at."),
            ("/stat", self.show, Role.NONE, "As wkr_serving: models, to look at."),
            ("/serving/data", speaking(self.data), Role.VIEW, "The numbers of that page."),
        ]
        return [Route(method="GET", path=p, handler=h, role=role, doc=doc) for p, h, role, doc in table]

    async def show(self, request: Request) -> Response:
        return self._page

    async def data(self, request: Request) -> Response:
        models = self._models()
        found = {
            "time": trio.current_time(),
            "connections": self._connections(),
            "models": models.list(),
            "statistics": models.statistics(),
        }
        return Response.json(found, headers=(("cache-control", "no-store"),))
