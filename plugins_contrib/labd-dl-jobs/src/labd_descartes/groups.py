"""All groups: taken up at the start, made, found by their owners, and removed when they are old."""

import base64
import binascii
import hashlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator

import msgspec
import trio

from labd.api import Conflict, LabdError, Node, NotFound, Peer, Refused, StoreUnavailable, UsageError
from labd_descartes import bundle
from labd_descartes.journal import Folder
from labd_descartes.model import Group, NewGroup, Shape, size_of
from labd_descartes.one import One
from labd_descartes.settings import Settings

DAY = 86_400.0


class Groups:
    """:meth:`run` is the service."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._settings: Settings = node.config
        self._groups: dict[str, One] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take up what a former daemon left, and run groups until cancelled."""
        found = await trio.to_thread.run_sync(self._load)
        self._groups = {one.group.id: one for one in found}
        try:
            async with trio.open_nursery() as self._nursery:
                for one in found:
                    self._begin(one)
                task_status.started()
                while True:
                    await self._forget_old()
                    await trio.sleep(DAY)
        finally:
            self._nursery = None

    def _load(self) -> list[One]:
        os.makedirs(self._home, 0o700, exist_ok=True)
        found = []
        for name in os.listdir(self._home):
            folder = Folder(os.path.join(self._home, name))
            try:
                one = One(self._node, folder.load(), folder, self._settings)
                one.recall()
            except (OSError, msgspec.MsgspecError) as error:
                self._node.log.error("group %s cannot be read, and is left out: %s", name, error)  # noqa: TRY400
                continue
            found.append(one)
        return sorted(found, key=lambda one: one.group.created)

    @property
    def _home(self) -> str:
        return os.path.join(self._node.folder, "groups")

    # -- asking ------------------------------------------------------------------------------------

    def of(self, peer: Peer) -> Iterator[One]:
        """The groups of *peer*, the oldest first."""
        return (one for one in self._groups.values() if one.group.uid == peer.uid)

    def find(self, peer: Peer, group: str) -> One:
        """Raises NotFound, also for a group of another user."""
        one = self._groups.get(group)
        if one is None or one.group.uid != peer.uid:
            raise NotFound(f"there is no group {group[:64]!r}")
        return one

    # -- changes -----------------------------------------------------------------------------------

    async def make(self, peer: Peer, ask: NewGroup) -> One:
        """A new group, durable on return. Raises UsageError, Refused for a pickle that is not wanted."""
        if self._nursery is None:
            raise StoreUnavailable("groups are not there yet: labd is starting or stopping")
        size_of(ask.mem)
        code = self._pickled(ask) if ask.function_type == "py_pickle" else None
        fields = msgspec.structs.asdict(ask)
        del fields["function"]
        now = self._node.clock.wall()
        group = Group(
            id=secrets.token_hex(8), uid=peer.uid, created=now, updated=now, shape=Shape(**fields),
            status="awaiting_bundle" if code is None else "running", secret=secrets.token_urlsafe(24),
        )  # fmt: skip
        one = One(self._node, group, Folder(os.path.join(self._home, group.id)), self._settings)
        if code is not None:
            group.data = {"function": _digests(code)}
            await trio.to_thread.run_sync(_write, one.folder, code)
        await one.save()
        self._groups[group.id] = one
        self._begin(one)
        return one

    def _pickled(self, ask: NewGroup) -> bytes:
        if self._settings.pickles == "refuse":
            raise Refused(
                "this function comes pickled, and to unpickle is to run what somebody sent",
                hint="give it as 'module.function' with include_modules=[...], or an admin sets "
                "plugins.descartes.pickles = 'isolated'",
            )
        try:
            return base64.b64decode(ask.function or "", validate=True)
        except binascii.Error as error:
            raise UsageError(f"function: no base64: {error}") from None

    async def upload(self, group: str, secret: str, body: AsyncIterator[bytes]) -> One:
        """Take the bundle of a group, once. Raises NotFound, Conflict, UsageError for a wrong one."""
        one = self._groups.get(group)
        if one is None or not secrets.compare_digest(one.group.secret.encode(), secret.encode()):
            raise NotFound("there is no bundle to come here")
        if one.group.status != "awaiting_bundle":
            raise Conflict(f"group {group} has its bundle already")
        await _receive(one.folder.code, body, self._settings.max_bundle)
        try:
            data, wanted = await trio.to_thread.run_sync(
                _manifest, one.folder.code, self._settings.max_unpacked
            )
        except LabdError as error:
            await one.save(status="build_failed", build_log=error.message)
            raise
        await one.save(status="running", data=data, requirements=wanted, secret=secrets.token_urlsafe(24))
        return one

    async def terminate(self, one: One) -> None:
        """End a group: its maps too. Said twice, it counts once."""
        if one.group.status == "terminated":
            return
        await one.save(status="terminated")
        if one.scope is not None:
            one.scope.cancel(reason="the group is terminated")
        await one.close()

    def _begin(self, one: One) -> None:
        if self._nursery is not None:
            live = one.group.status != "terminated"
            self._nursery.start_soon(one.run if live else one.close, name=f"group {one.group.id}")

    async def _forget_old(self) -> None:
        oldest = self._node.clock.wall() - self._settings.keep_days * DAY
        for one in [*self._groups.values()]:
            if one.group.status == "terminated" and one.group.updated < oldest:
                del self._groups[one.group.id]
                await trio.to_thread.run_sync(shutil.rmtree, one.folder.path, True)


def _write(folder: Folder, code: bytes) -> None:
    os.makedirs(folder.path, 0o700, exist_ok=True)
    with open(folder.code, "wb") as file:
        file.write(code)
        file.flush()
        os.fsync(file.fileno())


def _digests(code: bytes) -> list[str]:
    return [
        hashlib.sha256(code[at : at + bundle.PIECE]).hexdigest() for at in range(0, len(code), bundle.PIECE)
    ]


async def _receive(path: str, body: AsyncIterator[bytes], most: int) -> None:
    """Write *body* to *path*, durably. Raises UsageError for more than *most* bytes."""
    size = 0
    async with await trio.open_file(path, "wb") as file:
        async for piece in body:
            size += len(piece)
            if size > most:
                raise UsageError(
                    f"the bundle has more than {most} bytes", hint="plugins.descartes.max_bundle"
                )
            await file.write(piece)
        await file.flush()
        await trio.to_thread.run_sync(os.fsync, file.wrapped.fileno())


def _manifest(path: str, most: int) -> tuple[dict[str, list[str]], list[str]]:
    with open(path, "rb") as file:
        return bundle.manifest(bundle.pieces(file, most))
