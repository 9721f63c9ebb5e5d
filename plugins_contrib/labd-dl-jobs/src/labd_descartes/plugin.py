"""What labd imports: the settings, the pages, the methods and the service."""

from labd.api import Method, Node, Route, Service, hookimpl
from labd_descartes.doors import Doors
from labd_descartes.groups import Groups
from labd_descartes.pages import Pages
from labd_descartes.settings import Settings

LABD_API = 1


@hookimpl
def labd_settings() -> type[Settings]:
    return Settings


_parts: dict[int, tuple[Node, Groups, Doors]] = {}


def _of(node: Node) -> tuple[Groups, Doors]:
    """The parts of *node*, whichever hook is asked first."""
    if id(node) not in _parts:
        _parts[id(node)] = node, Groups(node), Doors(node)
    _, groups, doors = _parts[id(node)]
    return groups, doors


@hookimpl
def labd_services(node: Node) -> Service:
    return Service("descartes", _of(node)[0].run)


@hookimpl
def labd_methods(node: Node) -> list[Method]:
    return _of(node)[1].methods()


@hookimpl
def labd_http_routes(node: Node) -> list[Route]:
    groups, doors = _of(node)
    settings: Settings = node.config
    return Pages(groups, doors, node.clock.wall, settings.max_bundle).all()
