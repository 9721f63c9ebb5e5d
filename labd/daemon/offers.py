"""Checks what a hook returned. Pure: each function gives a list of sound things or raises WrongOffer."""

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from labd.api import JobKind, Loader, Method, Metrics, Mount, Notifier, Restart, Role, Route, Service

T = TypeVar("T", Service, Method, JobKind, Notifier, Loader, Metrics)

PAGES = ("/healthz", "/readyz", "/metrics", "/events", "/openapi.json", "/rpc")
"""What labd itself answers over HTTP: no page of a plugin is one of these, or below one."""

_PATH = re.compile(r"/[!-~]*")
_PART = re.compile(r"[^{}*]*|\{[a-z_]+\}")
_LAST = re.compile(r"\{[a-z_]+:path\}")


class WrongOffer(TypeError):
    """A hook returned what labd cannot use."""


class Offer(msgspec.Struct, frozen=True):
    """Everything that one plugin contributes."""

    kinds: tuple[JobKind, ...] = ()
    methods: tuple[Method, ...] = ()
    services: tuple[Service, ...] = ()
    notifiers: tuple[Notifier, ...] = ()
    routes: tuple[Route | Mount, ...] = ()
    loaders: tuple[Loader, ...] = ()
    metrics: tuple[Metrics, ...] = ()


def settings_type(answer: object) -> type[msgspec.Struct] | None:
    """The settings class that ``labd_settings`` returned, if it did."""
    if answer is None:
        return None
    return _struct_type(answer, "labd_settings returned")


def kinds(plugin: str, answers: Sequence[object]) -> tuple[JobKind, ...]:
    """The job kinds among the answers of ``labd_job_kinds``."""
    return tuple(_kind(kind) for kind in _flatten("labd_job_kinds", JobKind, answers))


def notifiers(plugin: str, answers: Sequence[object]) -> tuple[Notifier, ...]:
    """The notifiers among the answers of ``labd_notifiers``."""
    return tuple(_notifier(notifier) for notifier in _flatten("labd_notifiers", Notifier, answers))


def loaders(plugin: str, answers: Sequence[object]) -> tuple[Loader, ...]:
    """The loaders among the answers of ``labd_model_loaders``."""
    return tuple(_loader(loader) for loader in _flatten("labd_model_loaders", Loader, answers))


def metrics(plugin: str, answers: Sequence[object]) -> tuple[Metrics, ...]:
    """The metrics among the answers of ``labd_metrics``."""
    found = tuple(_flatten("labd_metrics", Metrics, answers))
    for one in found:
        _callable(one.collect, "metrics: collect")
    return found


def methods(names: Sequence[str], answers: Sequence[object]) -> tuple[Method, ...]:
    """The methods among the answers of ``labd_methods``; they start with one of the plugin's *names*."""
    return tuple(_method(names, method) for method in _flatten("labd_methods", Method, answers))


def services(plugin: str, answers: Sequence[object]) -> tuple[Service, ...]:
    """The services among the answers of ``labd_services``; named as the plugin, or ``plugin-something``."""
    return tuple(_service(plugin, service) for service in _flatten("labd_services", Service, answers))


def routes(plugin: str, answers: Sequence[object]) -> tuple[Route | Mount, ...]:
    """The routes and mounts among the answers of ``labd_http_routes``."""
    found = [
        item for answer in answers for item in (answer if isinstance(answer, list | tuple) else [answer])
    ]
    return tuple(_route(item) if isinstance(item, Route) else _mount(item) for item in found)


def page(route: Route | Mount) -> str:
    """What two routes may not share: the method and the path whatever its parameters are called, the prefix.

    A page of labd's own stands for itself.
    """
    path = route.path if isinstance(route, Route) else route.prefix
    own = next((name for name in PAGES if path == name or path.startswith(name + "/")), "")
    shape = re.sub(r"\{[^}]*\}", "{}", path)
    return own or (f"{route.method} {shape}" if isinstance(route, Route) else shape)


def _route(route: Route) -> Route:
    where = f"route {route.method} {route.path}"
    _need(bool(re.fullmatch(r"[A-Z]+", route.method)), f"{where}: the method is not in capitals")
    _path(where, route.path)
    *parts, last = route.path.split("/")[1:]
    whole = all(map(_PART.fullmatch, parts)) and (_PART.fullmatch(last) or _LAST.fullmatch(last))
    _need(bool(whole), f"{where}: a parameter is a whole part, as in /models/{{name}}")
    _callable(route.handler, f"{where}: handler")
    _need(isinstance(route.role, Role), f"{where}: role is {route.role!r}, not a labd.api.Role")
    return route


def _mount(mount: object) -> Mount:
    if not isinstance(mount, Mount):
        raise WrongOffer(f"labd_http_routes returned {_what(mount)}, not a Route or a Mount")
    where = f"mount {mount.prefix}"
    _path(where, mount.prefix)
    _need(len(mount.prefix) > 1 and not mount.prefix.endswith("/"), f"{where}: a prefix is like /name")
    _callable(mount.app, f"{where}: app")
    _need(isinstance(mount.role, Role), f"{where}: role is {mount.role!r}, not a labd.api.Role")
    return mount


def _path(where: str, path: object) -> None:
    good = isinstance(path, str) and _PATH.fullmatch(path) and not set("?#%") & set(path)
    _need(bool(good), f"{where}: the path must begin with / and be plain text")


def _kind(kind: JobKind) -> JobKind:
    where = f"job kind {kind.name!r}"
    _need(isinstance(kind.name, str) and kind.name != "", f"{where}: the name is not a text")
    _callable(kind.build, f"{where}: build")
    _struct_type(kind.params, f"{where}: params is")
    return kind


def _notifier(notifier: Notifier) -> Notifier:
    where = f"notifier {notifier.name!r}"
    _need(isinstance(notifier.name, str) and notifier.name != "", f"{where}: the name is not a text")
    _callable(notifier.send, f"{where}: send")
    _struct_type(notifier.settings, f"{where}: settings is")
    return notifier


def _loader(loader: Loader) -> Loader:
    where = f"model loader {loader.name!r}"
    _need(isinstance(loader.name, str) and loader.name != "", f"{where}: the name is not a text")
    good = isinstance(loader.module, str) and re.fullmatch(r"[A-Za-z_][\w.]*", loader.module)
    _need(bool(good), f"{where}: module is {loader.module!r}, not the name of one")
    return loader


def _method(names: Sequence[str], method: Method) -> Method:
    where = f"method {method.name!r}"
    first, dot, rest = method.name.partition(".") if isinstance(method.name, str) else ("", "", "")
    sound = first in names and bool(dot and rest)
    _need(sound, f"{where}: the name must start with {' or '.join(repr(f'{name}.') for name in names)}")
    _callable(method.handler, f"{where}: handler")
    _struct_type(method.params, f"{where}: params is")
    _need(isinstance(method.role, Role), f"{where}: role is {method.role!r}, not a labd.api.Role")
    return method


def _service(plugin: str, service: Service) -> Service:
    where = f"service {service.name!r}"
    named = service.name == plugin or (
        isinstance(service.name, str) and service.name.startswith(f"{plugin}-")
    )
    _need(named, f"{where}: the name must be {plugin!r} or start with {plugin + '-'!r}")
    _callable(service.run, f"{where}: run")
    _need(isinstance(service.restart, Restart), f"{where}: restart is not a labd.api.Restart")
    _need(not service.critical, f"{where}: only labd's own services may be critical")
    return service


def _flatten(hook: str, wanted: type[T], answers: Sequence[object]) -> list[T]:
    items: list[T] = []
    for answer in answers:
        for item in answer if isinstance(answer, list | tuple) else [answer]:
            if not isinstance(item, wanted):
                raise WrongOffer(f"{hook} returned {_what(item)}, not a {wanted.__name__}")
            items.append(item)
    return items


def _struct_type(answer: object, words: str) -> type[msgspec.Struct]:
    if not (isinstance(answer, type) and issubclass(answer, msgspec.Struct)):
        raise WrongOffer(f"{words} {_what(answer)}, not a msgspec.Struct type")
    msgspec.json.schema(answer)  # raises for fields that cannot be described to a client
    return answer


def _callable(value: Callable[..., Any], where: str) -> None:
    _need(callable(value), f"{where} is {_what(value)}, not a function")


def _need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise WrongOffer(otherwise)


def _what(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"
