"""What labd imports: the hooks, and what they describe."""

from typing import Annotated, Any

import msgspec

from labd.api import (
    Call,
    Family,
    JobKind,
    JobSpec,
    Loader,
    Method,
    Metrics,
    Node,
    Notifier,
    Request,
    Response,
    Role,
    Route,
    Sample,
    Service,
    hookimpl,
)
from labd_hello.ticker import Ticker

LABD_API = 1
"""The plugin API that this plugin was written for."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[plugins.hello]``: what to say, and how many seconds apart the ticks are."""

    greeting: str = "Hello"
    interval: Annotated[float, msgspec.Meta(gt=0)] = 60.0


class Greet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to greet: the parameters of the method and of the kind of job."""

    who: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "world"


class Addressee(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ``settings`` of a target of the kind ``greeting``."""

    who: str = "world"


class Greeter:
    """Greets in the words of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def words(self, who: str) -> str:
        return f"{self._settings.greeting}, {who}!"

    async def answer(self, call: Call, params: Greet) -> dict[str, str]:
        """The method ``hello.greet``."""
        return {"text": self.words(params.who), "caller": call.peer.name}

    async def page(self, request: Request) -> Response:
        """The page ``/hello/NAME``."""
        return Response.json({"text": self.words(request.params["name"])})

    def build(self, params: Greet, spec: JobSpec) -> JobSpec:
        """The kind of job ``greet``: the spec as sent, with a program that says the words."""
        return msgspec.structs.replace(spec, argv=("/bin/echo", self.words(params.who)), script=None)


@hookimpl
def labd_settings() -> type[Settings]:
    return Settings


@hookimpl
def labd_job_kinds(node: Node) -> JobKind:
    return JobKind("greet", Greeter(node.config).build, Greet, "Say hello to somebody.")


@hookimpl
def labd_notifiers(node: Node) -> Notifier:
    async def send(to: Addressee, message: dict[str, Any]) -> None:
        said = f"{Greeter(node.config).words(to.who)} {message['text']}"
        await node.events.publish("hello.told", {"text": said, "notice": message["id"]})

    return Notifier("greeting", send, Addressee, "Greet, and say what happened, in an event.")


@hookimpl
def labd_methods(node: Node) -> Method:
    return Method("hello.greet", Greeter(node.config).answer, Greet, Role.VIEW, "Say hello to somebody.")


@hookimpl
def labd_http_routes(node: Node) -> Route:
    page = Greeter(node.config).page
    return Route(method="GET", path="/hello/{name}", handler=page, doc="Say hello to somebody.")


@hookimpl
def labd_metrics(node: Node) -> Metrics:
    def collect() -> list[Family]:
        words = {"greeting": node.config.greeting}
        return [Family("labd_hello_info", "gauge", "How hello greets.", [Sample(1, words)])]

    return Metrics(collect)


@hookimpl
def labd_model_loaders(node: Node) -> Loader:
    return Loader("hello", "labd_hello.model", "A model that greets whom it is given.")


@hookimpl
def labd_services(node: Node) -> Service:
    return Service("hello-ticker", Ticker(node, node.config.interval).run)
