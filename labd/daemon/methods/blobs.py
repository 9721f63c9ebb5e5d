"""``blob.*``: bytes that jobs need, kept under their digest before the jobs are submitted."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from labd.api.methods import Call, Method, Role
from labd.daemon.blobs import UserBlobs
from labd.daemon.code import MAX_PIECE, FrozenCode
from labd.daemon.desk import Desk
from labd.daemon.uploads import Uploads
from labd.errors import NotFound
from labd.jobs.model import Job

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


class OfJob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: int | str


class Get(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: int | str
    digest: Digest
    offset: Annotated[int, Meta(ge=0)] = 0
    limit: Annotated[int, Meta(ge=1, le=MAX_PIECE)] = MAX_PIECE


class BlobMethods:
    """The handlers. Who may read a job's output gets the blobs of its code, and of no other."""

    def __init__(self, blobs: UserBlobs, uploads: Uploads, desk: Desk, code: FrozenCode) -> None:
        self._blobs = blobs
        self._uploads = uploads
        self._desk = desk
        self._code = code

    def all(self) -> list[Method]:
        return [
            Method(
                "blob.missing", self.missing, Missing, Role.SUBMIT, "Which blobs the caller has yet to put."
            ),
            Method("blob.put", self.put, Put, Role.SUBMIT, "Keep bytes, in pieces; durable when answered."),
            Method("blob.put_all", self.put_all, PutAll, Role.SUBMIT, "Keep many small blobs at once."),
            Method("blob.get", self.get, Get, Role.VIEW, "Bytes of a blob of a job's frozen code."),
            Method("job.code", self.code, OfJob, Role.VIEW, "What a job's frozen code is."),
            Method("job.defaults", self.defaults, doc="What labctl has to know before it freezes code."),
        ]

    async def missing(self, call: Call, ask: Missing) -> dict[str, Any]:
        return {"missing": await self._blobs.missing(call.peer.uid, ask.digests)}

    async def put(self, call: Call, ask: Put) -> dict[str, Any]:
        added = await self._uploads.add(call.peer.uid, call.connection, ask.upload, ask.data, ask.last)
        return msgspec.structs.asdict(added)

    async def put_all(self, call: Call, ask: PutAll) -> dict[str, Any]:
        return {"digests": await self._blobs.put(call.peer.uid, ask.blobs)}

    async def get(self, call: Call, ask: Get) -> dict[str, Any]:
        spec = self._frozen(call, ask.job).spec
        return msgspec.structs.asdict(await self._code.piece(spec, ask.digest, ask.offset, ask.limit))

    async def code(self, call: Call, ask: OfJob) -> dict[str, Any]:
        job = self._frozen(call, ask.job)
        return {"job": job.id, "code": job.spec.code}

    async def defaults(self, call: Call, ask: object) -> dict[str, Any]:
        usual = self._desk.intake.defaults
        return {"snapshot_groups": usual.snapshot_groups, "max_snapshot": usual.max_snapshot}

    def _frozen(self, call: Call, ref: int | str) -> Job:
        job = self._desk.readable(call.peer, ref)
        if job.spec.code is None:
            raise NotFound(f"job {job.id} has no frozen code", hint="labctl submit --snapshot freezes it")
        return job
