"""``/openapi.json``: OpenAPI 3.1, made of the same descriptions that the server works by. Pure."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from labd.api.http import Route
from labd.api.methods import Method, Role

REF = "#/components/schemas/{name}"

Map = dict[str, Any]


def document(version: str, routes: Iterable[Route], methods: Iterable[Method]) -> Map:
    """The description of all that is answered."""
    methods = sorted(methods, key=lambda method: method.name)
    schemas, parts = msgspec.json.schema_components([m.params for m in methods], ref_template=REF)
    paths: dict[str, Map] = {}
    for route in sorted(routes, key=lambda route: route.path):
        if route.path != "/rpc/{method}":
            paths.setdefault(_path(route.path), {})[route.method.lower()] = _operation(route)
    for method, schema in zip(methods, schemas, strict=True):
        paths[f"/rpc/{method.name}"] = {"post": _call(method, schema)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "labd", "version": version, "summary": "One daemon for a lab machine."},
        "paths": paths,
        "components": {
            "schemas": {**parts, "Error": ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


ERROR: Map = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "title", "message", "hint"],
            "properties": {
                "code": {"type": "string"},
                "title": {"type": "string"},
                "message": {"type": "string"},
                "hint": {"type": "string"},
                "data": {"type": "object"},
            },
        }
    },
}

_FAULT: Map = {
    "description": "Why not.",
    "content": {"application/json": {"schema": {"$ref": REF.format(name="Error")}}},
}


def _path(path: str) -> str:
    return path.replace(":path}", "}")


def _operation(route: Route) -> Map:
    names = re.findall(r"\{([^}:]+)", route.path)
    identity = re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_")
    found: Map = {
        "operationId": identity,
        "summary": route.doc or route.path,
        "responses": {"200": {"description": "The answer."}, "default": _FAULT},
    }
    if names:
        found["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
    if route.role == Role.NONE:
        found["security"] = []
    return found


def _call(method: Method, schema: Map) -> Map:
    answer = {"description": "The answer.", "content": {"application/json": {"schema": {"type": "object"}}}}
    return {
        "operationId": method.name,
        "summary": method.doc or method.name,
        "description": f"Needs the role {method.role.name.lower()}.",
        "tags": [method.name.partition(".")[0]],
        "requestBody": {"content": {"application/json": {"schema": schema}}},
        "responses": {"200": answer, "default": _FAULT},
    }
