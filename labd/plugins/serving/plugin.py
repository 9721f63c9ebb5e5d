"""What labd imports: the settings, the methods, the loaders and the service of models."""

from typing import Annotated

import msgspec
from msgspec import Meta

from labd.api import Loader, Method, Metrics, ModelSpec, Node, Restart, Service, hookimpl
from labd.plugins.serving import metrics
from labd.plugins.serving.loaders import all_loaders
from labd.plugins.serving.methods import ModelMethods
from labd.plugins.serving.models import ServedModels

LABD_API = 1
LABD_NAMES = ("model",)
"""What else the names of its methods and events begin with."""


FAREWELL = 5.0
"""Seconds beyond the time to drain in which workers end."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[plugins.serving]``: models that are loaded when labd starts, each in ``models.NAME``.

    When labd stops, requests that were accepted have ``drain_timeout`` seconds to be answered; what is
    unanswered then is an error (``not_ready``).
    """

    models: dict[str, ModelSpec] = {}
    drain_timeout: Annotated[float, Meta(ge=0, le=3600)] = 5.0


@hookimpl
def labd_settings() -> type[Settings]:
    return Settings


_served: dict[int, tuple[Node, ServedModels]] = {}


def served(node: Node) -> ServedModels:
    """The models of *node*, whichever hook is asked first."""
    if id(node) not in _served:
        _served[id(node)] = node, ServedModels(node, node.config.models, node.config.drain_timeout)
    return _served[id(node)][1]


@hookimpl
def labd_methods(node: Node) -> list[Method]:
    return ModelMethods(served(node)).all()


@hookimpl
def labd_metrics(node: Node) -> Metrics:
    models = served(node)
    return Metrics(lambda: metrics.families(models.list(), models.statistics()))


@hookimpl
def labd_model_loaders(node: Node) -> list[Loader]:
    return all_loaders()


@hookimpl
def labd_services(node: Node) -> Service:
    limit = node.config.drain_timeout + FAREWELL
    return Service("serving", served(node).run, Restart(stop_timeout=limit))
