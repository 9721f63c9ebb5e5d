"""Calling a plugin's methods as a client does: real session, real dispatcher, real checks, no socket."""

import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import trio
import trio.testing

from labd.api.methods import Method, Peer, Role
from labd.daemon.connection import Connection
from labd.daemon.dispatch import Dispatcher
from labd.daemon.identity import identity
from labd.testing.node import Node
from labd.testing.plugged import from_table, plug_in
from labd.wire.streams import Client, over

Wrap = Callable[[trio.abc.Stream], trio.abc.Stream]


@asynccontextmanager
async def client(
    plugin: object,
    *,
    node: Node | None = None,
    role: Role = Role.ADMIN,
    user: str = "tester",
    wrap: Wrap | None = None,
    timeout: float | None = None,
) -> AsyncIterator[Client]:
    """A client of a daemon that has only the methods of *plugin*: ``await client.call(name, params)``.

    *plugin* is a whole plugin, one :class:`labd.api.Method` or several. The caller is *user* and has
    *role*. *node* is the one that the methods were given, or are to be given; ``client.events`` hears
    what happens there. *wrap* makes the client's end of the stream worse, as :mod:`labd.testing.faulty`
    does. *timeout* is in seconds, for each call. Raises AssertionError for a plugin that is wrong.
    """
    node, methods = _offered(plugin, node)
    ours, theirs = trio.testing.memory_stream_pair()
    peer = Peer(os.getpid(), uid=1000, gid=1000, name=user, role=role)
    served = Connection(theirs, peer, _dispatcher(methods), node.bus, identity("labd.testing"))
    caught: BaseException | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(served.run)
        try:
            stream = wrap(ours) if wrap else ours
            async with over(stream, where="labd.testing", name="labd-testing", timeout=timeout) as made:
                yield made
        except BaseException as error:  # the nursery would wrap it in a group; it goes on below
            caught = error
        nursery.cancel_scope.cancel(reason="the client has gone")
    if caught is not None:
        raise caught


def _offered(plugin: object, node: Node | None) -> tuple[Node, Iterable[Method]]:
    if isinstance(plugin, Method):
        return node or Node(), [plugin]
    if isinstance(plugin, list | tuple):
        return node or Node(), plugin
    if node is None:
        plugged = plug_in(plugin, "", from_table({}), Node)
    else:
        given = node
        plugged = plug_in(plugin, node.name, lambda *_: given.config, lambda *_: given)
    return plugged.node, [method for _, method in plugged.registry.methods]


def _dispatcher(methods: Iterable[Method]) -> Dispatcher:
    dispatcher = Dispatcher()
    for method in methods:
        dispatcher.add(method)
    return dispatcher
