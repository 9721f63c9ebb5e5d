"""What labd imports: the hooks, and what they describe."""

from typing import Any

import msgspec
from labd.api import Call, JobKind, JobSpec, Method, Node, Role, Service, hookimpl

from labd_template.settings import Ask, Say, Settings
from labd_template.watch import Watch

LABD_API = 1
"""The plugin API that this plugin was written for."""


class Plugin:
    """The hooks share what the service learns, so they are the methods of one object."""

    def __init__(self) -> None:
        self._watch: Watch | None = None

    @hookimpl
    def labd_settings(self) -> type[Settings]:
        return Settings

    @hookimpl
    def labd_job_kinds(self, node: Node) -> JobKind:
        return JobKind(node.name, say, Say, "Say something, several times.")

    @hookimpl
    def labd_methods(self, node: Node) -> Method:
        watch = self._of(node)

        async def recent(call: Call, ask: Ask) -> dict[str, list[dict[str, Any]]]:
            return {"jobs": watch.recent(ask.limit)}

        return Method(f"{node.name}.recent", recent, Ask, Role.VIEW, "How the last jobs ended.")

    @hookimpl
    def labd_services(self, node: Node) -> Service:
        return Service(node.name, self._of(node).run)

    def _of(self, node: Node) -> Watch:
        if self._watch is None or self._watch.node is not node:  # labd loads it anew with another node
            self._watch = Watch(node, node.config.remember)
        return self._watch


def say(params: Say, spec: JobSpec) -> JobSpec:
    """The spec as it was sent, with a program that says the text."""
    program = 'for i in $(seq "$1"); do echo "$2"; done'
    argv = ("/bin/sh", "-c", program, "say", str(params.times), params.text)
    return msgspec.structs.replace(spec, argv=argv, script=None)


plugin = Plugin()
