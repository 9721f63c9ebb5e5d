"""The blob store as users see it: each finds only what they have put themselves."""

from collections.abc import Sequence
from functools import partial

import trio

from labd.store import owners
from labd.store.blobs import Blobs
from labd.store.writer import Store


class UserBlobs:
    """Puts and finds blobs for users, in a thread. *turn* is one place: one at a time writes blobs."""

    def __init__(self, blobs: Blobs, store: Store, turn: trio.CapacityLimiter) -> None:
        self.blobs = blobs
        self._store = store
        self._turn = turn

    async def missing(self, uid: int, digests: Sequence[str]) -> list[str]:
        """Those that this user has still to put. Raises UsageError for what is no digest."""
        known = await self._store.read_slow(partial(owners.owned, uid=uid, digests=digests))
        look = partial(self.blobs.missing, [digest for digest in digests if digest in known])
        gone = set(await trio.to_thread.run_sync(look, limiter=self._turn))
        return [digest for digest in digests if digest in gone or digest not in known]

    async def put(self, uid: int, blobs: Sequence[bytes]) -> list[str]:
        """Keep these; their digests, durable. Raises StoreUnavailable."""
        digests = await trio.to_thread.run_sync(self.blobs.put_all, blobs, limiter=self._turn)
        return await self._owned(uid, digests)

    async def put_file(self, uid: int, path: str) -> str:
        """Keep the bytes of the file at *path*; their digest, durable. Raises OSError, StoreUnavailable."""
        digest = await trio.to_thread.run_sync(self.blobs.put_file, path, limiter=self._turn)
        return (await self._owned(uid, [digest]))[0]

    async def _owned(self, uid: int, digests: list[str]) -> list[str]:
        await self._store.write(partial(owners.put, uid=uid, digests=digests))
        return digests
