"""Frozen code as clients see it: what a submission may name, and who gets which blob back."""

import os
from functools import lru_cache

import msgspec
import trio

from labd.api.jobs import Code, JobSpec
from labd.api.methods import Peer
from labd.daemon.blobs import UserBlobs
from labd.errors import NotFound, Refused, UsageError
from labd.jobs.code import CodeUnusable, named_by, read_manifest
from labd.jobs.manifest import Manifest
from labd.units import about_bytes

MAX_PIECE = 2**20
"""Bytes of a blob in one answer."""

ASK = 10_000
"""Digests that are looked for at a time."""


class Piece(msgspec.Struct, frozen=True):
    """Bytes of a blob from an offset on, where to go on, and how long the blob is."""

    data: bytes
    offset: int
    size: int


class FrozenCode:
    """Checks and serves. *limit* is the most bytes that one tree may have."""

    def __init__(self, blobs: UserBlobs, limit: int = 2**30) -> None:
        self.limit = limit
        self._blobs = blobs
        self._named = lru_cache(maxsize=4)(self._blobs_of)

    async def check(self, spec: JobSpec, peer: Peer) -> None:
        """Refuse a spec whose code is not all there, put by *peer*. Raises UsageError, Refused."""
        if spec.code is None:
            return
        await self._check_put(spec.code, peer)
        try:
            tree = await trio.to_thread.run_sync(read_manifest, spec.code.manifest, self._blobs.blobs)
        except CodeUnusable as error:
            raise UsageError(f"code: {error.message}", hint=error.hint) from None
        self._check_size(spec.code, tree)
        await self._check_files(tree, peer)

    async def piece(self, spec: JobSpec, digest: str, offset: int, limit: int) -> Piece:
        """Bytes of a blob that belongs to the code of *spec*. Raises NotFound for any other."""
        if digest not in await trio.to_thread.run_sync(self._named, spec.code):
            raise NotFound(f"the job's code has no blob {digest}", hint="labctl checkout JOB gets all of it")
        return await trio.to_thread.run_sync(self._read, digest, offset, min(limit, MAX_PIECE))

    async def _check_put(self, code: Code, peer: Peer) -> None:
        named = [code.manifest, *([code.diff] if code.diff else [])]
        if lacking := await self._blobs.missing(peer.uid, named):
            what = "manifest" if code.manifest in lacking else "diff"
            raise UsageError(
                f"code.{what}: {peer.name} has put no blob {lacking[0]}", hint="blob.put keeps it"
            )

    def _check_size(self, code: Code, tree: Manifest) -> None:
        if (len(tree.files), tree.size) != (code.files, code.bytes):
            raise UsageError(
                f"code: {code.files} files of {code.bytes} bytes are said, "
                f"the manifest has {len(tree.files)} of {tree.size}"
            )
        if tree.size > self.limit:
            raise Refused(
                f"code of {about_bytes(tree.size)} is above the limit of {about_bytes(self.limit)}",
                hint="jobs.max_snapshot in labd.toml raises it",
            )

    async def _check_files(self, tree: Manifest, peer: Peer) -> None:
        digests = list(tree.digests)
        for start in range(0, len(digests), ASK):
            part = digests[start : start + ASK]
            if lacking := await self._blobs.missing(peer.uid, part):
                path = next(file.path for file in tree.files if file.digest == lacking[0])
                raise UsageError(
                    f"code: the bytes of {path!r} were never put", hint="blob.missing tells which"
                )
        if (wrong := await trio.to_thread.run_sync(self._misjudged, tree)) is not None:
            raise UsageError(f"code: {wrong!r} has not the size that the manifest says")

    def _blobs_of(self, code: Code | None) -> set[str]:
        return named_by(code, self._blobs.blobs)

    def _misjudged(self, tree: Manifest) -> str | None:
        path = self._blobs.blobs.path
        return next((f.path for f in tree.files if os.stat(path(f.digest)).st_size != f.size), None)

    def _read(self, digest: str, offset: int, limit: int) -> Piece:
        with self._blobs.blobs.open(digest) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(min(offset, size))
            data = file.read(limit)
            return Piece(data, file.tell(), size)
