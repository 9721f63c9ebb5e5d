"""Blobs are named by their content, whole or absent, and durable once named."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.errors import NotFound, StateError, StoreUnavailable, UsageError
from labd.store import Blobs, durable


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(str(tmp_path / "blobs"))


def test_what_is_put_comes_back_under_its_digest(blobs: Blobs) -> None:
    digest = blobs.put(b"hello")
    assert digest == hashlib.sha256(b"hello").hexdigest()
    assert blobs.get(digest) == b"hello"
    assert blobs.has(digest)
    assert list(blobs) == [digest]


def test_a_file_is_kept_in_pieces(blobs: Blobs, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "file").write_bytes(data)
    digest = blobs.put_file(str(tmp_path / "file"))
    with blobs.open(digest) as file:
        assert file.read() == data
    assert blobs.put(data) == digest


def test_the_same_bytes_are_written_once(blobs: Blobs) -> None:
    blobs.put(b"hello")
    blobs.put(b"hello")
    shown = blobs.statistics()
    assert (shown.written, shown.known, shown.bytes) == (1, 1, 5)


def test_a_blob_that_is_not_there_is_not_found(blobs: Blobs) -> None:
    with pytest.raises(NotFound):
        blobs.get("0" * 64)
    assert not blobs.has("0" * 64)


@given(st.text(max_size=70))
def test_nothing_but_a_digest_reaches_the_file_system(text: str) -> None:
    with pytest.raises(UsageError, match="not a blob's digest"):
        Blobs.path(object.__new__(Blobs), f"../{text}")


def test_a_blob_that_changed_on_disk_is_not_given_out(blobs: Blobs) -> None:
    digest = blobs.put(b"hello")
    Path(blobs.path(digest)).write_bytes(b"jello")
    with pytest.raises(StateError, match="has changed on disk"):
        blobs.get(digest)


def test_what_an_earlier_process_left_unfinished_is_cleared(blobs: Blobs) -> None:
    digest = blobs.put(b"hello")
    left = Path(blobs.directory) / "unfinished" / "1"
    left.write_bytes(b"hal")
    again = Blobs(blobs.directory)
    assert not left.exists()
    assert list(again) == [digest]


def test_a_full_disk_is_said_and_leaves_nothing(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(made: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable, "put_in_place", full)
    with pytest.raises(StoreUnavailable, match="No space left") as caught:
        blobs.put(b"hello")
    assert "free space" in caught.value.hint
    assert list(blobs) == []
    assert os.listdir(os.path.join(blobs.directory, "unfinished")) == []


def test_many_are_kept_at_once_each_under_its_digest(blobs: Blobs) -> None:
    data = [b"%d" % number for number in range(500)]
    names = blobs.put_all([*data, data[0]])
    assert [blobs.get(name) for name in names] == [*data, data[0]]
    assert blobs.put_all(data) == names[:500]
    assert (blobs.statistics().written, blobs.statistics().known) == (500, 500)
    assert os.listdir(os.path.join(blobs.directory, "unfinished")) == []


def test_a_full_disk_among_many_leaves_nothing_unfinished(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable, "fsync_file", full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        blobs.put_all([b"hello", b"world"])
    assert list(blobs) == []
    assert os.listdir(os.path.join(blobs.directory, "unfinished")) == []


def test_asking_for_a_blob_makes_it_young(blobs: Blobs) -> None:
    old, absent = blobs.put(b"old"), "0" * 64
    os.utime(blobs.path(old), (1, 1))
    assert blobs.missing([old, absent]) == [absent]
    assert os.stat(blobs.path(old)).st_mtime > 1
