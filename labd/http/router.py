"""Which route a path means. Pure."""

from collections.abc import Iterable
from typing import NamedTuple, TypeVar
from urllib.parse import unquote

from labd.api.http import Mount, Route
from labd.errors import Conflict, NotFound
from labd.http.refusal import Refusal
from labd.http.target import Target

Pattern = tuple[str, ...]
T = TypeVar("T")


class Found(NamedTuple):
    """What answers: a route with its parameters, or a mount."""

    where: Route | Mount
    params: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's defaults are shared, and never changed


class Router:
    """A table of routes: a path without parameters is one look-up. Of several mounts the longest counts."""

    def __init__(self) -> None:
        self._plain: dict[str, dict[str, Found]] = {}
        self._patterns: dict[Pattern, dict[str, Route]] = {}
        self._mounts: dict[str, Mount] = {}

    @property
    def routes(self) -> list[Route]:
        """Every route, mounts left out."""
        plain = [found.where for methods in self._plain.values() for found in methods.values()]
        patterns = [route for methods in self._patterns.values() for route in methods.values()]
        return [route for route in (*plain, *patterns) if isinstance(route, Route)]

    def add(self, offers: Iterable[Route | Mount]) -> None:
        """Take up routes and mounts. Raises Conflict for what is there already."""
        for offer in offers:
            if isinstance(offer, Mount):
                _place(self._mounts, offer.prefix, offer)
            elif "{" in offer.path:
                _place(self._patterns.setdefault(_shape(offer.path), {}), offer.method, offer)
            else:
                _place(self._plain.setdefault(offer.path, {}), offer.method, Found(offer))

    def replace(self, offers: Iterable[Route | Mount]) -> None:
        """These, and no others any more. Raises Conflict, and nothing is changed then."""
        other = Router()
        other.add(offers)
        self._plain, self._patterns, self._mounts = other._plain, other._patterns, other._mounts

    def find(self, method: str, target: Target) -> Found:
        """What answers. Raises NotFound, and Refusal with 405."""
        methods = self._plain.get(target.path) or self._matching(target)
        if methods is not None:
            return methods.get(method) or methods.get("GET" if method == "HEAD" else "") or _none(methods)
        for prefix in sorted(self._mounts, key=len, reverse=True):
            if target.path == prefix or target.path.startswith(prefix + "/"):
                return Found(self._mounts[prefix])
        raise NotFound(f"there is no page {target.path[:200]}", hint="/openapi.json names what there is")

    def _matching(self, target: Target) -> dict[str, Found] | None:
        parts = [unquote(part) for part in target.raw_path.decode().split("/")[1:]]
        for pattern, routes in self._patterns.items():
            if (params := _match(pattern, parts)) is not None:
                return {method: Found(route, _named(route, params)) for method, route in routes.items()}
        return None


def _place(table: dict[str, T], key: str, value: T) -> None:
    if key in table:
        raise Conflict(f"{key} is answered by another already")
    table[key] = value


def _none(methods: dict[str, Found]) -> Found:
    allowed = ", ".join(sorted({*methods, *(("HEAD",) if "GET" in methods else ())}))
    fields = ((b"allow", allowed.encode()),)
    raise Refusal(405, f"this page takes {allowed}", headers=fields, close=False)


def _shape(path: str) -> Pattern:
    """The path with ``*`` and ``**`` for its parameters: two routes that differ in names alone are one."""
    parts = path.split("/")[1:]
    return tuple("**" if p.endswith(":path}") else "*" if p.startswith("{") else p for p in parts)


def _match(pattern: Pattern, parts: list[str]) -> list[str] | None:
    """The values of the parameters, if *parts* fit."""
    values: list[str] = []
    for number, wanted in enumerate(pattern):
        if wanted == "**":
            return [*values, "/".join(parts[number:])]
        if number >= len(parts) or (wanted != "*" and wanted != parts[number]) or not parts[number]:
            return None
        if wanted == "*":
            values.append(parts[number])
    return values if len(parts) == len(pattern) else None


def _named(route: Route, values: list[str]) -> dict[str, str]:
    names = [part[1:-1].removesuffix(":path") for part in route.path.split("/") if part.startswith("{")]
    return dict(zip(names, values, strict=True))
