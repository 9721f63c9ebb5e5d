"""What a plugin is given, in memory: the workers run in the process of the test."""

import logging
from contextlib import asynccontextmanager

from labd.api import Call, Peer, Role
from labd.plugins.fanout import child
from labd.plugins.fanout.engine import Engine
from labd.plugins.fanout.methods import MapMethods
from labd.plugins.fanout.retention import Limits
from labd.plugins.fanout.said import Capture
from labd.testing.workers import PlayedWorkers

ANNA = Peer(pid=1, uid=1000, gid=1000, name="anna", role=Role.SUBMIT)
ADMIN = Peer(pid=3, uid=0, gid=0, name="root", role=Role.ADMIN)
BERT = Peer(pid=2, uid=1001, gid=1001, name="bert", role=Role.SUBMIT)


class Clock:
    now = 0.0

    def boot(self):
        self.now += 0.001
        return self.now

    wall = boot


class Events:
    def __init__(self):
        self.kept, self.told = [], []

    async def publish(self, kind, data, *, cause=""):
        self.kept.append((kind, data))

    def tell(self, kind, data):
        self.told.append((kind, data))


class Resources:
    def wanted(self):
        return False


class Node:
    """A node on *folder*; a plugin starts workers that are made here."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.log = logging.getLogger("fanout")
        self.clock, self.events, self.workers = Clock(), Events(), PlayedWorkers()
        self.resources = Resources()


class Maps:
    """The methods of a running engine, as a client calls them."""

    def __init__(self, node, **settings):
        self.node = node
        self.engine = Engine(
            node, settings.get("slots", 1), settings.get("most", 1000), settings.get("limits", Limits())
        )
        self._methods = {m.name: m for m in MapMethods(self.engine, node).all()}

    async def ask(self, method, peer=ANNA, **params):
        found = self._methods[f"map.{method}"]

        async def nobody(*_):
            pass

        return await found.handler(Call(peer, found.name, nobody), found.params(**params))

    async def lines(self, number, name="results"):
        answer = await self.ask(name, map=number)
        return answer["data"].decode().splitlines()


def tame(monkeypatch):
    """The worker's code leaves the output of the test alone."""
    monkeypatch.setattr(child, "_catch_output", lambda: Capture(""))
    monkeypatch.setattr(Capture, "moved", lambda self, name: self)


@asynccontextmanager
async def running(nursery, folder, **settings):
    """An engine that is there."""
    maps = Maps(Node(folder), **settings)
    await nursery.start(maps.engine.run)
    yield maps
    nursery.cancel_scope.cancel()
