"""``blob.*``: bytes that jobs need, kept under their digest before the jobs are submitted."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from labd.api.methods import Call, Method, Role
from labd.daemon.blobs import UserBlobs
from labd.daemon.uploads import Uploads

MAX_DIGESTS = 10_000

Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Missing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    digests: Annotated[tuple[Digest, ...], Meta(max_length=MAX_DIGESTS)]


class Put(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    data: bytes
    upload: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    last: bool = True


class PutAll(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    blobs: Annotated[tuple[bytes, ...], Meta(max_length=MAX_DIGESTS)]


class BlobMethods:
    """The handlers of what concerns no job yet."""

    def __init__(self, blobs: UserBlobs, uploads: Uploads) -> None:
        self._blobs = blobs
        self._uploads = uploads

    def all(self) -> list[Method]:
        return [
            Method(
                "blob.missing", self.missing, Missing, Role.SUBMIT, "Which blobs the caller has yet to put."
            ),
            Method("blob.put", self.put, Put, Role.SUBMIT, "Keep bytes, in pieces; durable when answered."),
            Method("blob.put_all", self.put_all, PutAll, Role.SUBMIT, "Keep many small blobs at once."),
        ]

    async def missing(self, call: Call, ask: Missing) -> dict[str, Any]:
        return {"missing": await self._blobs.missing(call.peer.uid, ask.digests)}

    async def put(self, call: Call, ask: Put) -> dict[str, Any]:
        added = await self._uploads.add(call.peer.uid, call.connection, ask.upload, ask.data, ask.last)
        return msgspec.structs.asdict(added)

    async def put_all(self, call: Call, ask: PutAll) -> dict[str, Any]:
        return {"digests": await self._blobs.put(call.peer.uid, ask.blobs)}
