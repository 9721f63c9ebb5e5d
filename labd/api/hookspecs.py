"""Every hook that a plugin may implement, in the order in which labd calls them.

Hooks are plain functions (never ``async``) that return descriptions. Each plugin is asked by itself:
one that raises becomes a record in ``labctl plugins`` and no neighbour notices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import msgspec

    from labd.api.http import Mount, Route
    from labd.api.jobs import JobKind
    from labd.api.methods import Method
    from labd.api.node import Node
    from labd.api.notify import Notifier
    from labd.api.services import Service

hookspec = pluggy.HookspecMarker("labd")
hookimpl = pluggy.HookimplMarker("labd")


class LabdHooks:
    """The hooks of API 1."""

    @hookspec(firstresult=True)
    def labd_settings(self) -> type[msgspec.Struct] | None:
        """Say which settings the plugin has.

        Called first, before any other hook, with no node: return a :class:`msgspec.Struct` type whose
        fields are the keys of ``[plugins.NAME]``. The table is checked against it, and an instance is
        what ``node.config`` holds. Since API 1.

        Example::

            class Settings(msgspec.Struct, forbid_unknown_fields=True):
                greeting: str = "hello"

            @hookimpl
            def labd_settings():
                return Settings
        """

    @hookspec
    def labd_job_kinds(self, node: Node) -> JobKind | list[JobKind] | None:
        """Offer ways to describe a job (``labctl submit --kind NAME``).

        Called once, before any job is taken up. Since API 1.

        Example::

            @hookimpl
            def labd_job_kinds(node):
                return JobKind("greet", build, Params, "say hello to somebody")
        """

    @hookspec
    def labd_notifiers(self, node: Node) -> Notifier | list[Notifier] | None:
        """Offer ways to deliver notifications (``kind = "NAME"`` in ``[notify.targets.*]``).

        Called once, before any notification is sent. Since API 1.

        Example::

            @hookimpl
            def labd_notifiers(node):
                async def send(settings, message):
                    node.log.warning("%s: %s", settings.prefix, message["text"])

                return Notifier("log", send, Prefix, "write notifications into labd's log")
        """

    @hookspec
    def labd_methods(self, node: Node) -> Method | list[Method] | None:
        """Offer methods that clients can call (``labctl call NAME``).

        Called once, before the socket opens. Method names start with the plugin's name and a dot.
        Since API 1.

        Example::

            @hookimpl
            def labd_methods(node):
                return Method("hello.greet", greet, Greet, Role.VIEW, "Say hello.")
        """

    @hookspec
    def labd_http_routes(self, node: Node) -> Route | Mount | list[Route | Mount] | None:
        """Offer pages over HTTP: paths of your own, or an ASGI application below a prefix.

        Called once, before labd listens, also where HTTP is off. A path belongs to whoever offers it
        first. Since API 1.

        Example::

            @hookimpl
            def labd_http_routes(node):
                return Route(method="GET", path="/hello/{name}", handler=greet, doc="Say hello.")
        """

    @hookspec
    def labd_services(self, node: Node) -> Service | list[Service] | None:
        """Offer long-running services; labd starts, restarts and stops them.

        Called once, before any service starts: keep it quick and import heavy libraries inside the
        service. A service that fails is restarted by its policy and disturbs nobody. Since API 1.

        Example::

            @hookimpl
            def labd_services(node):
                return Service("hello-ticker", Ticker(node).run)
        """
