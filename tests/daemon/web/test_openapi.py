"""The description of the web server is OpenAPI 3.1, and says all that there is."""

import json
import re
from typing import Any

import msgspec
import pytest

from docs.methods import all_methods
from labd.api.http import Response, Route
from labd.api.methods import Role
from labd.daemon.web.openapi import document


async def nothing(request: Any) -> Response:
    return Response()


ROUTES = [
    Route(method="GET", path="/healthz", handler=nothing, role=Role.NONE, doc="Lives it?"),
    Route(method="GET", path="/v2/models/{name}", handler=nothing),
    Route(method="POST", path="/v2/models/{name}", handler=nothing),
    Route(method="GET", path="/files/{rest:path}", handler=nothing),
    Route(method="POST", path="/rpc/{method}", handler=nothing),
]


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(msgspec.json.encode(document("1.2.3", ROUTES, all_methods())))
    return found


def every(value: Any, key: str) -> list[Any]:
    if isinstance(value, dict):
        return [found for k, v in value.items() for found in ([v] if k == key else []) + every(v, key)]
    return [found for item in value for found in every(item, key)] if isinstance(value, list) else []


def test_every_method_and_route_is_there(described):
    assert {f"/rpc/{method.name}" for method in all_methods()} < set(described["paths"])
    assert set(described["paths"]["/v2/models/{name}"]) == {"get", "post"}
    assert "/files/{rest}" in described["paths"]


def test_every_reference_leads_somewhere(described):
    references = every(described, "$ref")
    assert references
    for reference in references:
        _, *parts = reference.split("/")
        value = described
        for part in parts:
            value = value[part]


def test_operations_have_names_of_their_own_and_answers(described):
    operations = [o for path in described["paths"].values() for o in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(
        o["responses"] and all("description" in r for r in o["responses"].values()) for o in operations
    )


def test_every_parameter_of_a_path_is_described(described):
    for path, operations in described["paths"].items():
        for operation in operations.values():
            named = {
                p["name"] for p in operation.get("parameters", []) if p["in"] == "path" and p["required"]
            }
            assert named == set(re.findall(r"\{(\w+)\}", path))


def test_what_everybody_may_ask_says_so(described):
    assert described["paths"]["/healthz"]["get"]["security"] == []
    assert "security" not in described["paths"]["/rpc/job.submit"]["post"]


def test_it_is_openapi(described):
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(described)
