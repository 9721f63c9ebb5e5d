"""Which frozen code is accepted from whom, and who gets its bytes."""

from pathlib import Path

import msgspec
import pytest
import trio

from labd.api.jobs import Code, JobSpec
from labd.api.methods import Call, Role
from labd.daemon.blobs import UserBlobs
from labd.daemon.code import FrozenCode
from labd.daemon.methods.blobs import BlobMethods, Get, OfJob
from labd.errors import NotFound, NotPermitted, Refused, UsageError
from labd.jobs.manifest import File, Link, encode
from labd.store import Blobs
from labd.store.writer import Store
from tests.daemon.test_desk import desk
from tests.jobs.build import ALICE

__all__ = ["desk"]

BOB = msgspec.structs.replace(ALICE, uid=1001, name="bob")


@pytest.fixture
async def blobs(tmp_path, nursery):
    store = Store.open(str(tmp_path / "blobs.db"))
    await nursery.start(store.run)
    return UserBlobs(Blobs(str(tmp_path / "blobs")), store, trio.CapacityLimiter(1))


async def frozen(blobs: UserBlobs, peer=ALICE, **fields) -> JobSpec:
    digests = await blobs.put(peer.uid, [b"one", b"diff"])
    made = fields.pop("made", encode([File("a", digests[0], 3)], [Link("l", "a")]))
    [named] = await blobs.put(peer.uid, [made])
    code = Code(**{"manifest": named, "root": "/p", "files": 1, "bytes": 3, "diff": digests[1]} | fields)
    return JobSpec(argv=("true",), code=code)


def damage(path: str) -> None:
    Path(path).write_bytes(b"[]")


async def test_a_tree_that_its_user_has_put_is_accepted(blobs):
    await FrozenCode(blobs).check(await frozen(blobs), ALICE)
    await FrozenCode(blobs).check(JobSpec(argv=("true",)), BOB)


async def test_nobody_can_name_what_only_another_has_put(blobs):
    spec, check = await frozen(blobs), FrozenCode(blobs).check
    with pytest.raises(UsageError, match=r"code\.manifest: bob has put no blob"):
        await check(spec, BOB)
    await blobs.put(BOB.uid, [blobs.blobs.get(spec.code.manifest)])
    with pytest.raises(UsageError, match=r"code\.diff: bob has put no blob"):
        await check(spec, BOB)
    with pytest.raises(UsageError, match="the bytes of 'a' were never put"):
        await check(msgspec.structs.replace(spec, code=msgspec.structs.replace(spec.code, diff=None)), BOB)


@pytest.mark.parametrize("path", ["../x", "/x"])
async def test_a_hostile_manifest_is_refused(blobs, path):
    spec = await frozen(blobs, made=encode([File(path, "a" * 64, 3)], []))
    with pytest.raises(UsageError, match="code: the manifest has an entry that is none"):
        await FrozenCode(blobs).check(spec, ALICE)


async def test_a_path_through_a_link_is_refused(blobs):
    spec = await frozen(blobs, made=encode([File("l/x", "a" * 64, 3)], [Link("l", "/etc")]))
    with pytest.raises(UsageError, match="'l/x' below 'l', which is no folder"):
        await FrozenCode(blobs).check(spec, ALICE)


async def test_sizes_are_what_they_are_said_to_be(blobs):
    check = FrozenCode(blobs).check
    with pytest.raises(UsageError, match="1 files of 4 bytes are said, the manifest has 1 of 3"):
        await check(await frozen(blobs, bytes=4), ALICE)
    [digest] = await blobs.put(ALICE.uid, [b"one"])
    lie = await frozen(blobs, made=encode([File("a", digest, 2)], []), bytes=2)
    with pytest.raises(UsageError, match="'a' has not the size that the manifest says"):
        await check(lie, ALICE)


async def test_a_tree_above_the_limit_is_refused(blobs):
    with pytest.raises(Refused, match="3 bytes is above the limit of 2 bytes"):
        await FrozenCode(blobs, limit=2).check(await frozen(blobs), ALICE)


async def test_a_damaged_manifest_is_refused(blobs):
    spec = await frozen(blobs)
    damage(blobs.blobs.path(spec.code.manifest))
    with pytest.raises(UsageError, match="has changed on disk"):
        await FrozenCode(blobs).check(spec, ALICE)


async def test_blobs_of_the_code_are_served_in_pieces_and_no_others(blobs):
    spec, code = await frozen(blobs), FrozenCode(blobs)
    [one, other] = await blobs.put(ALICE.uid, [b"one", b"other"])
    piece = await code.piece(spec, one, 0, 2)
    assert (piece.data, piece.offset, piece.size) == (b"on", 2, 3)
    assert (await code.piece(spec, one, 2, 2)).data == b"e"
    assert (await code.piece(spec, one, 9, 2)).data == b""
    assert (await code.piece(spec, spec.code.diff, 0, 99)).data == b"diff"
    for digest, of in ((other, spec), (one, JobSpec(argv=("true",)))):
        with pytest.raises(NotFound, match="the job's code has no blob"):
            await code.piece(of, digest, 0, 9)


async def test_only_who_may_read_the_output_reads_the_code(desk, blobs):
    methods = BlobMethods(blobs, None, desk, FrozenCode(blobs))
    spec = await frozen(blobs)
    await desk.queue.submit(spec, ALICE, None)
    await desk.queue.submit(JobSpec(argv=("true",)), ALICE, None)

    def by(peer):
        return Call(peer, "blob.get", None)

    ask = Get(job=1, digest=spec.code.manifest)
    operator = msgspec.structs.replace(BOB, role=Role.OPERATE)
    for peer in (ALICE, operator):
        assert (await methods.get(by(peer), ask))["size"] > 0
        assert (await methods.code(by(peer), OfJob(job=1)))["code"] == spec.code
    for method, asked in ((methods.get, ask), (methods.code, OfJob(job=1))):
        with pytest.raises(NotPermitted, match="bob cannot read the output of it"):
            await method(by(BOB), asked)
    with pytest.raises(NotFound, match="job 2 has no frozen code"):
        await methods.code(by(ALICE), OfJob(job=2))
