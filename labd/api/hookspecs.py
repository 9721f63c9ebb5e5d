"""Every hook that a plugin may implement, in the order in which labd calls them.

Hooks are plain functions (never ``async``) that return descriptions: one, a list of several, or None.
A hook may leave ``node`` out of its parameters; others than that it cannot have. Each plugin is asked by
itself: one that raises becomes a record in ``labctl plugins`` and no neighbour notices. They are called
when the plugin is loaded: at the start, when it is enabled or reloaded, and, all but the first, with new
settings.

Each example is a whole module: tests run it as the plugin ``hello``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import msgspec

    from labd.api.http import Mount, Route
    from labd.api.jobs import JobKind
    from labd.api.methods import Method
    from labd.api.metrics import Metrics
    from labd.api.node import Node
    from labd.api.notify import Notifier
    from labd.api.services import Service
    from labd.api.serving import Loader

hookspec = pluggy.HookspecMarker("labd")
hookimpl = pluggy.HookimplMarker("labd")


class LabdHooks:
    """The hooks of API 1."""

    @hookspec(firstresult=True)
    def labd_settings(self) -> type[msgspec.Struct] | None:
        """Say which settings the plugin has.

        Called first, before any other hook, with no node: return a :class:`msgspec.Struct` type whose
        fields are the keys of ``[plugins.NAME]``. The table is checked against it, and an instance is
        what ``node.config`` holds: give every field a default, else labd does not load the plugin
        before somebody has set it. Since API 1.

        Example::

            import msgspec

            from labd.api import hookimpl

            class Settings(msgspec.Struct, forbid_unknown_fields=True):
                greeting: str = "hello"

            @hookimpl
            def labd_settings():
                return Settings
        """

    @hookspec
    def labd_job_kinds(self, node: Node) -> JobKind | list[JobKind] | None:
        """Offer ways to describe a job (``labctl submit --kind NAME``).

        Called when the plugin is loaded, before any job is taken up. Names are shared by all plugins;
        ``command`` is labd's. Since API 1.

        Example::

            import msgspec

            from labd.api import JobKind, hookimpl

            class Greet(msgspec.Struct, forbid_unknown_fields=True):
                who: str = "world"

            def build(params, spec):
                return msgspec.structs.replace(spec, argv=("echo", "hello", params.who))

            @hookimpl
            def labd_job_kinds(node):
                return JobKind("greet", build, Greet, "Say hello to somebody.")
        """

    @hookspec
    def labd_notifiers(self, node: Node) -> Notifier | list[Notifier] | None:
        """Offer ways to deliver notifications (``kind = "NAME"`` in ``[notify.targets.*]``).

        Called when the plugin is loaded, before any notification is sent. Names are shared by all plugins.
        Since API 1.

        Example::

            import msgspec

            from labd.api import Notifier, hookimpl

            class Prefix(msgspec.Struct, forbid_unknown_fields=True):
                prefix: str = "labd"

            @hookimpl
            def labd_notifiers(node):
                async def send(settings, message):
                    node.log.warning("%s: %s", settings.prefix, message["text"])

                return Notifier("log", send, Prefix, "Write notifications into labd's log.")
        """

    @hookspec
    def labd_methods(self, node: Node) -> Method | list[Method] | None:
        """Offer methods that clients can call (``labctl call NAME``).

        Called when the plugin is loaded, at the start before the socket opens. Method names start with the
        plugin's name and a dot. Since API 1.

        Example::

            import msgspec

            from labd.api import Method, Role, hookimpl

            class Greet(msgspec.Struct, forbid_unknown_fields=True):
                who: str = "world"

            @hookimpl
            def labd_methods(node):
                async def greet(call, params):
                    return {"text": f"hello, {params.who}", "caller": call.peer.name}

                return Method("hello.greet", greet, Greet, Role.VIEW, "Say hello.")
        """

    @hookspec
    def labd_http_routes(self, node: Node) -> Route | Mount | list[Route | Mount] | None:
        """Offer pages over HTTP: paths of your own, or an ASGI application below a prefix.

        Called when the plugin is loaded, also where HTTP is off. A path belongs to whoever offers it
        first. Since API 1.

        Example::

            from labd.api import Response, Route, hookimpl

            async def greet(request):
                return Response.json({"text": f"Hello, {request.params['name']}!"})

            @hookimpl
            def labd_http_routes(node):
                return Route(method="GET", path="/hello/{name}", handler=greet, doc="Say hello.")
        """

    @hookspec
    def labd_metrics(self, node: Node) -> Metrics | list[Metrics] | None:
        """Add numbers to ``/metrics``.

        Called when the plugin is loaded, also where HTTP is off; what it returns is asked whenever somebody
        looks. A name belongs to whoever has it first. Since API 1.

        Example::

            from labd.api import Family, Metrics, Sample, hookimpl

            @hookimpl
            def labd_metrics(node):
                def collect():
                    boot = Sample(node.clock.boot())
                    return [Family("labd_hello_boot_seconds", "gauge", "Seconds since boot.", [boot])]

                return Metrics(collect)
        """

    @hookspec
    def labd_model_loaders(self, node: Node) -> Loader | list[Loader] | None:
        """Offer ways to load a model (``loader = "NAME"`` of a model).

        Called when the plugin is loaded, before any model is. Names are shared by all plugins; ``python``,
        ``numpy``, ``onnx`` and ``tensorflow`` are labd's. The module of a loader is imported in workers
        only. Since API 1.

        Example::

            from labd.api import Loader, hookimpl

            @hookimpl
            def labd_model_loaders(node):
                return Loader("hello", "hello_loader", "Models that greet.")
        """

    @hookspec
    def labd_services(self, node: Node) -> Service | list[Service] | None:
        """Offer long-running services; labd starts, restarts and stops them.

        Called when the plugin is loaded, before its services start: keep it quick and import heavy
        libraries inside the service. A service that fails is restarted by its policy and disturbs nobody;
        it is cancelled when labd or the plugin stops. It is named as the plugin is, or with a ``-`` and more
        after that. Since API 1.

        Example::

            import trio

            from labd.api import Service, hookimpl

            @hookimpl
            def labd_services(node):
                async def tick(*, task_status):
                    task_status.started()
                    while True:
                        await trio.sleep(60)
                        await node.events.publish("hello.tick", {"boot": node.clock.boot()})

                return Service("hello-ticker", tick)
        """
