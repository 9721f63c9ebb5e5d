import pytest

from labd.api.http import Mount, Response, Route
from labd.errors import Conflict, LabdError
from labd.http import target
from labd.http.router import Router


async def handler(request: object) -> Response:
    return Response()


def routes(*paths: str) -> Router:
    router = Router()
    router.add(Route(method="GET", path=path, handler=handler) for path in paths)
    return router


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/v2/models/iris", {"name": "iris"}),
        ("/v2/models/a%2Fb", {"name": "a/b"}),
        ("/v2/models/iris/infer", {"model": "iris"}),
        ("/files/a/b/c", {"rest": "a/b/c"}),
        ("/plain", {}),
    ],
)
def test_parameters_stand_for_parts_of_the_path(path, params):
    router = routes("/plain", "/v2/models/{name}", "/v2/models/{model}/infer", "/files/{rest:path}")
    assert router.find("GET", target.read("GET", path.encode())).params == params


@pytest.mark.parametrize("path", ["/v2/models/", "/v2/models", "/v2/models/a/b", "/plain/", "/"])
def test_what_is_not_there_is_not_found(path):
    with pytest.raises(LabdError, match="there is no page"):
        routes("/plain", "/v2/models/{name}").find("GET", target.read("GET", path.encode()))


@pytest.mark.parametrize("path", ["/plain", "/v2/{other}"])
def test_a_path_has_one_owner(path):
    with pytest.raises(Conflict):
        routes("/plain", "/v2/{name}").add([Route(method="GET", path=path, handler=handler)])


def test_the_longest_prefix_counts():
    async def app(*args: object) -> None: ...

    short, long = Mount(prefix="/a", app=app), Mount(prefix="/a/b", app=app)
    router = Router()
    router.add([short, long])
    assert router.find("GET", target.read("GET", b"/a/b/c")).where is long
    assert router.find("PUT", target.read("PUT", b"/a/bc")).where is short
