"""The files that came with a map: kept in its folder, and laid out for its workers by one of them.

Not by the daemon: under root the place is the user's, and no path of a user is opened with root's rights.
"""

import hashlib
import os

import msgspec
import trio

from labd.api import Node, Peer, UsageError, WorkerSpec
from labd.plugins.fanout import files
from labd.plugins.fanout.disk import Disk
from labd.plugins.fanout.model import MapSpec, Record

ASK = 5000
"""Digests that are asked for at once."""


async def take(node: Node, peer: Peer, spec: MapSpec, disk: Disk, folder: str) -> None:
    """Keep the pieces that *spec* names in *folder*, durably.

    Raises UsageError for what *peer* never put, Refused.
    """
    wanted = sorted({digest for pieces in spec.data.values() for digest in pieces})
    for start in range(0, len(wanted), ASK):
        asked = wanted[start : start + ASK]
        if missing := (await node.methods.call("blob.missing", {"digests": asked}, peer))["missing"]:
            raise UsageError(
                f"data: the bytes of {missing[0]} were never put", hint="blob.put_all takes them"
            )
    await disk.ask(files.empty, folder)
    for digest in wanted:
        await disk.ask(files.write, os.path.join(folder, digest), await node.blobs.get(digest))
    await disk.ask(files.sync_folder, folder)


async def lay_out(node: Node, record: Record, folder: str, user: str) -> str:
    """Where the workers of a map find its files: a folder in the cache of *user*. Raises WorkerError."""
    data = record.spec.data
    name = hashlib.sha256(msgspec.json.encode(data, order="deterministic")).hexdigest()[:32]
    maker = WorkerSpec(
        target=f"{__package__}.tree:Tree",
        arguments={"name": name},
        name="data",
        env=record.spec.env,
        user=user,
    )
    async with node.workers.start(maker) as worker:
        if found := await worker.call("find"):
            return str(found)
        for path, pieces in sorted(data.items()):
            await worker.call("put", path=path, piece=b"")
            for digest in pieces:
                piece = await trio.to_thread.run_sync(_read, os.path.join(folder, digest))
                await worker.call("put", path=path, piece=piece)
        return str(await worker.call("finish"))


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
