"""The socket: who can reach it, and that nobody else listens there."""

import os
import socket
import stat
from contextlib import AsyncExitStack

import pytest

from labd.api.methods import Peer, Role
from labd.daemon.connection import Connection
from labd.daemon.dispatch import Dispatcher
from labd.daemon.events import Bus
from labd.daemon.server import Server, bind
from labd.errors import AlreadyRunning, Overloaded, StateError
from labd.wire.streams import open_client
from tests.daemon.build import IDENTITY, no_older


def modes(path: str) -> tuple[int, int]:
    return stat.S_IMODE(os.stat(path).st_mode), stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode)


@pytest.fixture
def path(tmp_path) -> str:
    return str(tmp_path / "run" / "labd.sock")


@pytest.mark.parametrize(("shared", "expected"), [(True, (0o660, 0o750)), (False, (0o600, 0o700))])
def test_the_group_gets_in_only_where_it_is_meant_to(path, shared, expected):
    with bind(path, shared):
        assert modes(path) == expected


def test_a_stale_socket_is_replaced_and_a_live_one_is_not(path):
    os.makedirs(os.path.dirname(path))
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    with bind(path, shared=False), pytest.raises(AlreadyRunning, match="another labd listens at"):
        bind(path, shared=False)


def test_a_folder_of_somebody_else_is_refused(path, tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    if os.stat(tmp_path / "run").st_uid == 0:
        os.chown(tmp_path / "run", 12345, -1)
    with pytest.raises(StateError, match="belongs to user"):
        bind(path, shared=False)


def test_a_place_where_no_socket_can_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="no socket can be made at"):
        bind(str(tmp_path / "file" / "labd.sock"), shared=False)


@pytest.mark.parametrize(("role", "allowed"), [(Role.SUBMIT, 2), (Role.ADMIN, 6)])
async def test_one_user_cannot_take_every_place_and_admins_always_get_in(path, nursery, role, allowed):
    peer = Peer(pid=1, uid=1000, gid=1000, name="alice", role=role)

    def connect(stream, peer):
        return Connection(stream, peer, Dispatcher(), Bus(0, no_older), dict(IDENTITY))

    await nursery.start(Server([bind(path, shared=False)], lambda sock: peer, connect, max_connections=4).run)
    async with AsyncExitStack() as stack:
        for _ in range(allowed):
            client = await stack.enter_async_context(open_client(path))
            assert await client.call("ping") == {}
        if role is not Role.ADMIN:
            with pytest.raises(Overloaded, match="2 clients of alice are connected"):
                await stack.enter_async_context(open_client(path))
    nursery.cancel_scope.cancel()
