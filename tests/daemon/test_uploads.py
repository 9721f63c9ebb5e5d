"""Blobs in pieces: bounded, whole when answered, and gone with whoever began them."""

import hashlib
import os

import pytest
import trio
import trio.testing

from labd.daemon import uploads
from labd.daemon.blobs import UserBlobs
from labd.daemon.uploads import Uploads
from labd.errors import Conflict, Overloaded, StoreUnavailable, UsageError
from labd.store import Blobs, durable, owners
from labd.store.writer import Store
from tests.daemon.build import talk_to

ALICE, BOB = 1000, 1001


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
async def blobs(tmp_path, nursery):
    store = Store.open(str(tmp_path / "labd.db"))
    await nursery.start(store.run)
    return UserBlobs(Blobs(str(tmp_path / "blobs")), store, trio.CapacityLimiter(1))


@pytest.fixture
def ups(tmp_path, blobs):
    return Uploads(str(tmp_path / "uploads"), blobs, limit=100)


def unfinished(tmp_path) -> list[str]:
    return os.listdir(tmp_path / "uploads")


async def test_pieces_become_one_blob(ups, blobs, tmp_path):
    first = await ups.add(ALICE, 1, None, b"one ", False)
    assert (first.digest, first.size) == (None, 4)
    second = await ups.add(ALICE, 1, first.upload, b"two ", False)
    last = await ups.add(ALICE, 1, second.upload, b"three", True)
    assert (last.upload, last.digest, last.size) == (None, digest(b"one two three"), 13)
    assert blobs.blobs.get(last.digest) == b"one two three"
    assert unfinished(tmp_path) == []


async def test_one_piece_is_a_blob_at_once(ups, blobs, tmp_path):
    added = await ups.add(ALICE, 1, None, b"", True)
    assert added.digest == digest(b"")
    assert unfinished(tmp_path) == []


async def test_what_is_too_large_is_refused_with_size_and_limit_and_leaves_nothing(ups, tmp_path):
    with pytest.raises(
        UsageError, match="an upload of 101 bytes or more is above the limit of 100 bytes"
    ) as caught:
        await ups.add(ALICE, 1, None, b"x" * 101, True)
    assert "jobs.max_upload" in caught.value.hint
    begun = await ups.add(ALICE, 1, None, b"x" * 60, False)
    with pytest.raises(UsageError, match="120 bytes or more"):
        await ups.add(ALICE, 1, begun.upload, b"x" * 60, False)
    assert unfinished(tmp_path) == []


async def test_a_user_has_so_many_unfinished_and_others_have_theirs(ups):
    for _ in range(uploads.OPEN):
        await ups.add(ALICE, 1, None, b"x", False)
    with pytest.raises(Overloaded, match="unfinished, the limit"):
        await ups.add(ALICE, 2, None, b"x", False)
    assert (await ups.add(BOB, 3, None, b"x", False)).upload


async def test_an_upload_belongs_to_its_connection_and_goes_with_it(ups, tmp_path):
    mine = await ups.add(ALICE, 1, None, b"x", False)
    with pytest.raises(Conflict, match="no unfinished upload"):
        await ups.add(ALICE, 2, mine.upload, b"y", True)
    other = await ups.add(ALICE, 2, None, b"x", False)
    await ups.gone(1)
    assert unfinished(tmp_path) == [other.upload]
    with pytest.raises(Conflict):
        await ups.add(ALICE, 1, mine.upload, b"y", True)


async def test_the_end_of_a_connection_is_told(nursery):
    gone, heard = trio.Event(), []

    async def told(number):
        heard.append(number)
        gone.set()

    talk = talk_to(nursery, gone=told)
    assert (await talk.call("ping")).result == {}
    assert heard == []
    await talk.stream.aclose()
    await gone.wait()
    assert len(heard) == 1


async def test_pieces_wait_for_each_other(ups, monkeypatch):
    begun = await ups.add(ALICE, 1, None, b"x", False)
    ups._open[begun.upload].busy = True
    with pytest.raises(Conflict, match="is being written"):
        await ups.add(ALICE, 1, begun.upload, b"y", True)
    ups._open[begun.upload].busy = False
    assert (await ups.add(ALICE, 1, begun.upload, b"y", True)).digest == digest(b"xy")


async def test_what_nobody_adds_to_is_given_up(ups, monkeypatch, nursery, mock_clock):
    await nursery.start(ups.run)
    await ups.add(ALICE, 1, None, b"x", False)
    dropped = []

    async def watched(wanted):
        dropped.append([name for name, upload in ups._open.items() if wanted(upload)])

    monkeypatch.setattr(ups, "_drop", watched)
    for _ in range(7):
        mock_clock.jump(uploads.SWEEP)
        await trio.testing.wait_all_tasks_blocked()
    assert [len(names) for names in dropped] == [0, 0, 0, 0, 0, 1, 1]


async def test_what_an_earlier_process_left_is_removed(ups, blobs, tmp_path):
    await ups.add(ALICE, 1, None, b"x", False)
    Uploads(str(tmp_path / "uploads"), blobs)
    assert unfinished(tmp_path) == []


async def test_a_full_disk_is_said_and_ends_the_upload(ups, monkeypatch, tmp_path):
    begun = await ups.add(ALICE, 1, None, b"x", False)

    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads, "_append", full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        await ups.add(ALICE, 1, begun.upload, b"y", True)
    assert unfinished(tmp_path) == []


async def test_a_user_finds_only_what_they_have_put(blobs):
    [one] = await blobs.put(ALICE, [b"secret"])
    two = digest(b"never put")
    assert await blobs.missing(ALICE, [one, two]) == [two]
    assert await blobs.missing(BOB, [one, two]) == [one, two]
    await blobs.put(BOB, [b"secret"])
    assert await blobs.missing(BOB, [one]) == []


async def test_what_was_removed_is_missing_again(blobs):
    [one] = await blobs.put(ALICE, [b"x"])
    durable.remove(blobs.blobs.path(one))
    assert await blobs.missing(ALICE, [one]) == [one]
    await blobs._store.write(lambda conn: owners.forget(conn, [one]))
    assert blobs._store.read(lambda conn: owners.owned(conn, ALICE, [one])) == set()
