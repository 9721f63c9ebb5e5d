"""Records: durable, whole, and writable when the disk is full."""

import os
from pathlib import Path

import pytest

from labd.jobs.shim import marks


def test_a_record_comes_back_with_its_version(tmp_path: Path) -> None:
    marks.write(str(tmp_path), marks.EXIT, {"exit_code": 3})
    assert marks.read(str(tmp_path), marks.EXIT) == {"version": 1, "exit_code": 3}
    assert os.listdir(tmp_path) == ["exit"]


def test_no_record_is_none(tmp_path: Path) -> None:
    assert marks.read(str(tmp_path), marks.EXIT) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "4096 blanks" * 3])
def test_what_is_not_a_record_is_said_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "exit").write_text(text)
    with pytest.raises(ValueError):
        marks.read(str(tmp_path), marks.EXIT)


def test_a_record_fits_into_its_reserved_block_whatever_the_message(tmp_path: Path) -> None:
    marks.reserve(str(tmp_path), marks.EXIT)
    blocks = (tmp_path / ".exit").stat().st_blocks
    marks.write(str(tmp_path), marks.EXIT, {"message": marks.shorten("\U0001f600" * 5000)})
    assert (tmp_path / "exit").stat().st_size == marks.RESERVED
    assert (tmp_path / "exit").stat().st_blocks == blocks


def test_a_short_message_is_kept() -> None:
    assert marks.shorten("short") == "short"
    assert len(marks.shorten("x" * 1000)) == marks.LONGEST_MESSAGE


def test_keys_of_a_newer_release_are_kept(tmp_path: Path) -> None:
    (tmp_path / "exit").write_text('{"version": 7, "exit_code": 0, "new": 1}   ')
    assert marks.read(str(tmp_path), marks.EXIT) == {"version": 7, "exit_code": 0, "new": 1}
