"""A switchboard with real distributions, a real supervisor, and a configuration that a test writes."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import trio

from labd.api.jobs import JobSpec
from labd.api.methods import Call, Peer, Role
from labd.config import check_plugin, load
from labd.daemon.dispatch import Dispatcher
from labd.daemon.methods.plugins import PluginMethods
from labd.daemon.plugin_choice import chosen
from labd.daemon.plugin_record import PluginRecord
from labd.daemon.plugin_switch import Switchboard
from labd.daemon.plugins import find
from labd.daemon.registry import Registry
from labd.daemon.supervisor import Supervisor
from labd.daemon.wiring import LAYER, Wiring
from tests.site import Site

ADMIN = Peer(pid=1, uid=0, gid=0, name="anna", role=Role.ADMIN)

GOOD = """
    import msgspec
    import trio
    from labd.api import JobKind, Method, Notifier, Service, hookimpl

    WORD = "first"

    class Settings(msgspec.Struct, forbid_unknown_fields=True):
        times: int = 1

    class Params(msgspec.Struct):
        word: str = "x"

    @hookimpl
    def labd_settings():
        return Settings

    @hookimpl
    def labd_job_kinds(node):
        return JobKind(f"{node.name}-kind", lambda params, spec: msgspec.structs.replace(
            spec, argv=("/bin/echo", params.word)), Params)

    @hookimpl
    def labd_notifiers(node):
        async def send(settings, message):
            node.told.append(message)
        return Notifier(f"{node.name}-shout", send)

    @hookimpl
    def labd_methods(node):
        async def say(call, params):
            return WORD * node.config.times
        return Method(f"{node.name}.say", say)

    @hookimpl
    def labd_services(node):
        async def run(*, task_status):
            task_status.started()
            await trio.sleep_forever()
        return Service(node.name, run)
"""


class House:
    """What a test works with: *switch* and what it is wired to."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder / "site")
        self.config = folder / "labd.toml"
        self.config.write_text("")
        self.events: list[tuple[str, str, str]] = []
        self.told: list[Any] = []
        self.dispatcher = Dispatcher()

    def load(self, text: str | None = None) -> Any:
        if text is not None:
            self.config.write_text(text)
        return load([str(self.config)])

    @asynccontextmanager
    async def open(self, *, strict: bool = False) -> AsyncIterator["House"]:
        """Start everything; in the end the plugins' modules are gone again."""
        loaded, before = self.load(), set(sys.modules)
        registry = Registry(chosen(loaded.config.plugins, safe=False), strict=strict)
        self.wiring = Wiring(registry.boundary, self.dispatcher)
        self.switch = Switchboard(
            registry, self.wiring, self._node, loaded, find=self._find, read=self._read, tell=self._tell
        )
        registry.load(self._find(), lambda name, struct: check_plugin(name, struct, loaded))
        try:
            async with trio.open_nursery() as nursery:
                self.wiring.supervisor = Supervisor(nursery, jitter=lambda: 0.0)
                for method in PluginMethods(self.switch).all():
                    self.dispatcher.add(method)
                self.switch.begin()
                for plugin, service in registry.services:
                    self.wiring.supervisor.start(service, plugin, layer=LAYER)
                self.switch.up.set()
                yield self
                nursery.cancel_scope.cancel(reason="the test is over")
        finally:
            for name in set(sys.modules) - before:
                del sys.modules[name]

    async def call(self, method: str, **params: Any) -> Any:
        async def nobody(name: str, said: dict[str, Any]) -> None: ...

        return await self.dispatcher.answer(Call(ADMIN, method, nobody), params)

    async def listed(self, name: str) -> dict[str, Any]:
        reply = await self.call("plugin.list")
        return next(plugin for plugin in reply["plugins"] if plugin["name"] == name)

    async def reconfigure(self, text: str) -> list[str]:
        async with self.switch.reconfiguring(self.load(text)) as plan:
            pass
        return plan.names

    def build(self, kind: str, **params: Any) -> JobSpec:
        known = self.wiring.kinds[kind]
        return known.build(known.params(**params), JobSpec(kind=kind))

    def _node(self, record: PluginRecord, settings: Any) -> Any:
        name = record.name
        return SimpleNamespace(name=name, config=settings, told=self.told)

    def _find(self) -> list[Any]:
        return find(path=[str(self.site.folder)])

    async def _read(self) -> Any:
        return self.load()

    def _tell(self, kind: str, data: dict[str, Any], actor: str) -> None:
        self.events.append((kind, data["plugin"], actor))
